/** The pages in both languages: which one a visitor gets, and what each of them loads and paints. */

import { describe, expect, test } from "vitest";
import { chinese, english } from "../../src/i18n/pages.ts";
import { startProxy } from "./proxy.ts";
import { server, visit, visitor } from "./stage.ts";
import { expectedLabel } from "./support.ts";

const PAGES = [
  ["/", english, chinese],
  ["/zh", chinese, english],
] as const;

function heading() {
  return visitor.page.getByRole("heading", { level: 1 });
}

describe("a visitor gets the page", () => {
  test.each([
    ["zh-CN", "/", "/zh"],
    ["zh-Hant-TW", "/", "/zh"],
    ["zh-CN", "/?lang=en", "/?lang=en"],
    ["zh-CN", "/?lang=fr", "/?lang=fr"],
    ["en-US", "/?lang=zh", "/zh"],
    ["en-US", "/", "/"],
    ["fr-FR", "/", "/"],
    ["en-US", "/zh", "/zh"],
  ])("of the browser's language or of the URL: %s at %s", async (locale, path, expected) => {
    await visit({ locale, path: "/favicon.svg" });
    await visitor.page.goto(server.url + path);
    await visitor.page.waitForURL(server.url + expected);
    const { t, code } = expected === "/zh" ? chinese : english;
    expect(await heading().textContent()).toBe(t("introduction.heading"));
    expect(await visitor.page.locator("html").getAttribute("lang")).toMatch(code);
    expect(await visitor.page.title()).toBe(t("home.title"));
  });

  test("of the first language that there is, of several", async () => {
    await visit({ path: "/favicon.svg" });
    await visitor.page.addInitScript(() => {
      Object.defineProperty(navigator, "languages", { get: () => ["fr", "ZH-HK", "en"] });
    });
    await visitor.page.goto(server.url);
    await visitor.page.waitForURL(`${server.url}/zh`);
  });

  test("that the visitor chooses, and keeps it", async () => {
    await visit({ locale: "zh-CN", path: "/zh" });
    await visitor.page.getByRole("link", { name: "English" }).click();
    await visitor.page.waitForURL(`${server.url}/?lang=en`);
    expect(await heading().textContent()).toBe("What is in the picture?");
    await visitor.page.getByRole("link", { name: "glimpse" }).click();
    await visitor.page.reload();
    expect(visitor.page.url()).toBe(`${server.url}/?lang=en`);
    const link = visitor.page.getByRole("link", { name: "中文" });
    expect([await link.getAttribute("lang"), await link.getAttribute("hreflang")]).toEqual(["zh-Hans", "zh-Hans"]);
    await link.click();
    await visitor.page.waitForURL(`${server.url}/zh`);
    expect(await heading().textContent()).toBe("照片里是什么？");
    await visitor.page.getByRole("link", { name: "glimpse" }).click();
    await visitor.page.waitForURL(`${server.url}/zh`);
  });
});

describe.each(PAGES)("the page %s", (path, own, other) => {
  test("loads its own texts, all scripts at once, and no labels but in Chinese", async () => {
    await visit({ path: "/favicon.svg" });
    const scripts: { url: string; text: string }[] = [];
    const urls: string[] = [];
    visitor.page.on("response", async (response) => {
      urls.push(response.url());
      if (response.request().resourceType() === "script") {
        scripts.push({ url: response.url(), text: await response.text() });
      }
    });
    await visitor.page.goto(server.url + path);
    await visitor.expectModel();
    await visitor.page.waitForLoadState("networkidle");
    const all = scripts.map(({ text }) => text).join("\n");
    expect(all).toContain(own.t("shrink.label"));
    expect(all).not.toContain(other.t("shrink.label"));
    const links = await visitor.page.locator("link[rel=modulepreload]").all();
    const preloaded = await Promise.all(links.map((link) => link.evaluate((it: HTMLLinkElement) => it.href)));
    expect([...new Set(scripts.map(({ url }) => url))].sort()).toEqual(preloaded.sort());
    expect(urls.some((url) => url.includes("labels.zh"))).toBe(path === "/zh");
  });

  const words = () => visitor.page.locator(".uploader").textContent();

  test("is painted whole before any script has run, and is then left alone", async () => {
    await visit({ path: "/favicon.svg" });
    let goOn: () => void = () => undefined;
    const wait = new Promise<void>((resolve) => (goOn = resolve));
    await visitor.page.route("**/*.js", async (route) => {
      await wait;
      await route.continue();
    });
    await visitor.page.goto(server.url + path, { waitUntil: "commit" });
    await visitor.page.getByRole("button", { name: own.t("sources.choose") }).waitFor();
    const before = await words();
    expect(before).toContain(own.t("introduction.heading"));
    expect(before).toContain(own.t("shrink.text", { pixels: "896" }));
    goOn();
    await visitor.page.locator("astro-island:not([ssr])").waitFor();
    expect(await words()).toBe(before);
  });

  test("is complete without JavaScript", async () => {
    await visit({ path, javaScriptEnabled: false });
    // Playwright finds no text in `noscript`.
    const plain = visitor.page.locator("noscript .prose");
    expect(await plain.isVisible()).toBe(true);
    expect(await plain.locator("h1").textContent()).toBe(own.t("introduction.heading"));
    expect(await plain.locator("p").textContent()).toBe(own.t("home.withoutScript"));
    expect(await plain.locator("label").textContent()).toMatch(/JPEG.*HEIC.*QOI/);
    expect(await plain.locator("button").textContent()).toBe(own.t("plainForm.analyze"));
    expect(await visitor.page.locator(".uploader").isVisible()).toBe(false);
    for (const text of ["layout.documentation", "layout.licence", "layout.otherLanguage"] as const) {
      await visitor.page.getByRole("link", { name: own.t(text) }).waitFor();
    }
    await visitor.screenshot(`plain-form-${own.code}`);
  });

  /** The sum of all layout shifts but those that follow an input at once. */
  const shifts = () =>
    visitor.page.evaluate(
      () =>
        new Promise<{ sum: number; moved: string[] }>((resolve) => {
          let sum = 0;
          const moved: string[] = [];
          const take = (entries: PerformanceEntryList) => {
            for (const entry of entries as (PerformanceEntry & LayoutShift)[]) {
              if (!entry.hadRecentInput) {
                sum += entry.value;
                moved.push(...entry.sources.map(({ node }) => (node as Element | null)?.className ?? "?"));
              }
            }
          };
          new PerformanceObserver((list) => take(list.getEntries())).observe({ type: "layout-shift", buffered: true });
          setTimeout(() => resolve({ sum, moved }), 500);
        }),
    );

  test.each([
    [320, 640],
    [390, 844],
    [820, 1180],
    [1280, 800],
    [1280, 2000],
    [3840, 2160],
  ])("shifts nothing, at %i x %i", async (width, height) => {
    await visit({ path, viewport: { width, height } });
    await visitor.expectModel();
    await visitor.page.evaluate(() => document.fonts.ready);
    expect(await shifts()).toEqual({ sum: 0, moved: [] });
    await visitor.page.getByRole("button", { name: own.t("samples.coffee") }).click();
    await visitor.expectLabel(await expectedLabel(server, "coffee.jpg", own));
    expect(await shifts()).toEqual({ sum: 0, moved: [] });
  });

  // A browser paints what it has of a page. What comes later in the document must not stand above it.
  test.each([320, 390])("stands in the order of the document, %i pixels wide", async (width) => {
    await visit({ path, viewport: { width, height: 640 } });
    const inOrder = () =>
      visitor.page.evaluate(() => {
        const parts = [...document.querySelectorAll(".stage > *, .uploader > *, .site-header, .site-footer")];
        const tops = parts.map((part) => part.getBoundingClientRect().top);
        return tops.length > 5 && tops.every((top, index) => index === 0 || top >= (tops[index - 1] ?? 0));
      });
    expect(await inOrder()).toBe(true);
    await visitor.page.getByRole("button", { name: own.t("samples.coffee") }).click();
    await visitor.expectPhase("answered");
    expect(await inOrder()).toBe(true);
  });

  test("shifts nothing where it comes in parts", async () => {
    const proxy = await startProxy(server, "", '<span class="quiet for-mouse"');
    try {
      await visit({ path, viewport: { width: 390, height: 844 } }, proxy);
      await visitor.expectModel();
      expect(await shifts()).toEqual({ sum: 0, moved: [] });
    } finally {
      await proxy.stop();
    }
  });

  test("shifts nothing where the font is late", async () => {
    await visit({ path: "/favicon.svg" });
    await visitor.page.route("**/*.woff2", async (route) => {
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      await route.continue();
    });
    await visitor.page.goto(server.url + path);
    await visitor.expectModel();
    await visitor.page.evaluate(() => document.fonts.ready);
    expect(await shifts()).toEqual({ sum: 0, moved: [] });
  });
});

/** https://wicg.github.io/layout-instability */
interface LayoutShift {
  value: number;
  hadRecentInput: boolean;
  sources: { node: Node | null }[];
}

test("a failure is told in Chinese", async () => {
  await visit({ path: "/zh" });
  await visitor.choose({ name: "文字.jpg", mimeType: "image/jpeg", buffer: Buffer.from("a text") });
  await visitor.expectFailure("refused", "无法识别这张图片", "这不是图片");
  await visitor.expectAccessible();
  await visitor.expectFits();
  await visitor.screenshot("zh-refused");
});

test("what does not exist is said in both languages, and leads to both pages", async () => {
  await visit({ path: "/nothing", locale: "zh-CN" });
  await visitor.page.getByRole("link", { name: "去识别一张照片吧" }).click();
  await visitor.page.waitForURL(`${server.url}/zh`);
  await visitor.page.goBack();
  await visitor.page.getByRole("link", { name: "Look at a photograph instead" }).click();
  await visitor.page.waitForURL(`${server.url}/?lang=en`);
});
