/** The page as an app: its manifest, its service worker, the share menu, and what it says without a network. */

import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { LANGUAGES } from "../../src/i18n/languages.ts";
import { chinese, english } from "../../src/i18n/pages.ts";
import { LIGHT } from "../../src/lib/colours.ts";
import { startProxy } from "./proxy.ts";
import {
  expectedLabel,
  launch,
  pictureBytes,
  type Server,
  startServer,
  Visitor,
  type VisitorOptions,
} from "./support.ts";

let browser: Browser;
let server: Server;
/** The server below a path of a proxy. */
let below: Server;
let visitor: Visitor;

beforeAll(async () => {
  [browser, server] = await Promise.all([launch(), startServer()]);
  below = await startProxy(server, "/glimpse");
});
afterAll(() => Promise.all([browser?.close(), below?.stop(), server?.stop()]));
afterEach(() => visitor.close());

const PAGES = [
  ["/", english],
  ["/zh", chinese],
] as const;
const PLACES = PAGES.flatMap(([path]) => [
  ["at the root", path, () => server] as const,
  ["below a path", path, () => below] as const,
]);

/** Opens a page and waits until its service worker has taken over. */
async function visit(at: Server, options: VisitorOptions = {}) {
  visitor = await Visitor.open(browser, at, { serviceWorkers: "allow", ...options });
  await visitor.page.waitForFunction(() => navigator.serviceWorker.controller?.state === "activated");
}

interface Manifest {
  lang: string;
  icons: { src: string; sizes: string; type: string; purpose?: string }[];
  share_target: { action: string; params: { files: { name: string; accept: string[] }[] } };
  [field: string]: unknown;
}

/** The manifest of the page, its media type and its URL. */
function readManifest(): Promise<{ manifest: Manifest; type: string | null; url: string }> {
  return visitor.page.evaluate(async () => {
    const url = document.querySelector<HTMLLinkElement>("link[rel=manifest]")?.href ?? "";
    const response = await fetch(url);
    return { manifest: await response.json(), type: response.headers.get("Content-Type"), url };
  });
}

describe.each(PLACES)("%s, the page %s", (_, path, place) => {
  test("has a manifest in its language, whose URLs are relative", async () => {
    await visit(place(), { path });
    const { t, code } = visitor.language;
    const { manifest, type, url } = await readManifest();
    expect(type).toBe("application/manifest+json");
    expect(manifest).toMatchObject({
      name: t("layout.brand"),
      short_name: t("layout.brand"),
      description: t("home.description"),
      lang: LANGUAGES[code].tag,
      display: "standalone",
      theme_color: LIGHT,
      background_color: LIGHT,
    });
    const { start_url, scope, icons, share_target } = manifest;
    const urls = [start_url, scope, share_target.action, ...icons.map(({ src }) => src)].map(String);
    expect(urls.filter((it) => !it.startsWith("./"))).toEqual([]);
    const absolute = urls.map((it) => new URL(it, url).href);
    expect(absolute[1]).toBe(`${place().url}/`);
    for (const it of absolute) {
      expect(it.startsWith(`${place().url}/`)).toBe(true);
      expect((await fetch(it)).status, it).toBe(200);
    }
    expect(icons.map(({ sizes, purpose }) => [sizes, purpose])).toEqual([
      ["192x192", undefined],
      ["512x512", undefined],
      ["512x512", "maskable"],
    ]);
  });

  test("has icons of the sizes that are stated", async () => {
    await visit(place(), { path });
    const { manifest, url } = await readManifest();
    const touch = await visitor.page.locator("link[rel=apple-touch-icon]").evaluate((it: HTMLLinkElement) => it.href);
    const stated = manifest.icons.map(({ src, sizes }) => [new URL(src, url).href, sizes]);
    for (const [icon = "", sizes] of [...stated, [touch, "180x180"]]) {
      const { size, bytes, type } = await visitor.page.evaluate(async (icon) => {
        const blob = await (await fetch(icon)).blob();
        const { width, height } = await createImageBitmap(blob);
        return { size: `${width}x${height}`, bytes: blob.size, type: blob.type };
      }, icon);
      expect([size, type], icon).toEqual([sizes, "image/png"]);
      expect(bytes, icon).toBeLessThan(10_000);
    }
  });

  test("can be installed, as Chromium finds", async () => {
    await visit(place(), { path });
    const session = await visitor.page.context().newCDPSession(visitor.page);
    const { errors, url, data } = await session.send("Page.getAppManifest");
    expect(errors).toEqual([]);
    expect(url).toBe(`${place().url}/${visitor.language.code}.webmanifest`);
    expect(JSON.parse(data ?? "")).toHaveProperty("icons");
    const { installabilityErrors } = await session.send("Page.getInstallabilityErrors");
    // The contexts of the tests are incognito.
    expect(installabilityErrors.map(({ errorId }) => errorId).filter((it) => it !== "in-incognito")).toEqual([]);
  });

  test("has a service worker, which caches the offline pages and nothing else", async () => {
    await visit(place(), { path });
    const { page } = visitor;
    const script = await page.evaluate(() => navigator.serviceWorker.controller?.scriptURL);
    expect(script).toBe(`${place().url}/sw.js`);
    await page.reload();
    await visitor.expectModel();
    await page.getByRole("button", { name: visitor.language.t("samples.coffee") }).click();
    await visitor.expectPhase("answered");
    const cached = await page.evaluate(async () => {
      const caches = await Promise.all((await window.caches.keys()).map((name) => window.caches.open(name)));
      const requests = await Promise.all(caches.map((cache) => cache.keys()));
      return requests.flat().map(({ url }) => url);
    });
    expect(cached.sort()).toEqual([`${place().url}/offline-en`, `${place().url}/offline-zh`]);
  });

  test("is replaced by the offline page without a network, and comes back with it", async () => {
    await visit(place(), { path });
    const { page } = visitor;
    const { t, code } = visitor.language;
    const context = page.context();
    await context.setOffline(true);
    await page.reload();
    await page.getByRole("heading", { level: 1, name: t("failure.offline") }).waitFor();
    expect(page.url()).toBe(place().url + path);
    expect(await page.title()).toBe(t("offline.title"));
    expect(await page.locator("html").getAttribute("lang")).toBe(LANGUAGES[code].tag);
    await page.getByText(t("failure.offlineText")).waitFor();
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      await visitor.expectAccessible();
      await visitor.expectFits();
      await visitor.screenshot(`offline-${code}-${colorScheme}`);
    }
    await context.setOffline(false);
    await page.getByRole("heading", { level: 1, name: t("introduction.heading") }).waitFor();
  });
});

const ANALYZE = "/api/v1/analyze";

/** What the share menu of a phone sends. Returns once the browser has left the page. */
async function share(action: string, ...names: string[]) {
  const files = await Promise.all(
    names.map(async (name) => ({ name, base64: (await pictureBytes(name)).toString("base64") })),
  );
  const left = visitor.page.waitForEvent("framenavigated");
  await visitor.page.evaluate(
    ({ action, files }) => {
      const transfer = new DataTransfer();
      for (const { name, base64 } of files) {
        const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
        transfer.items.add(new File([bytes], name, { type: "image/jpeg" }));
      }
      const input = Object.assign(document.createElement("input"), { type: "file", name: "picture", multiple: true });
      input.files = transfer.files;
      const form = document.createElement("form");
      Object.assign(form, { method: "post", enctype: "multipart/form-data", action });
      form.append(input);
      document.body.append(form);
      form.submit();
    },
    { action, files },
  );
  await left;
}

async function shareAction(): Promise<string> {
  const { manifest, url } = await readManifest();
  expect(manifest.share_target.params.files).toEqual([{ name: "picture", accept: ["image/*"] }]);
  return new URL(manifest.share_target.action, url).href;
}

describe("pictures from the share menu", () => {
  test.each(PLACES)("are answered in the page, %s, of %s", async (_, path, place) => {
    await visit(place(), { path });
    const before = server.log.length;
    await share(await shareAction(), "coffee.jpg", "rocket.jpg");
    await visitor.expectLabel(await expectedLabel(server, "coffee.jpg", visitor.language));
    await visitor.cells().nth(1).waitFor();
    expect(visitor.page.url()).toBe(place().url + LANGUAGES[visitor.language.code].home);
    // The form itself never reached the server.
    const posted = () => server.log.slice(before).filter(({ method }) => method === "POST");
    await expect.poll(() => posted().map(({ uri }) => String(uri).split("?")[0])).toEqual(Array(2).fill(ANALYZE));
    // They are handed over once, and nothing is left of them.
    await visitor.page.reload();
    await visitor.expectModel();
    expect(await visitor.cells().count()).toBe(0);
  });

  test.each(PAGES)("are answered by the server without a service worker, from %s", async (path) => {
    visitor = await Visitor.open(browser, server, { path, serviceWorkers: "block" });
    await share(await shareAction(), "coffee.jpg");
    await visitor.page
      .getByRole("listitem")
      .getByText(await expectedLabel(server, "coffee.jpg"))
      .waitFor();
    expect(new URL(visitor.page.url()).pathname).toBe("/answer");
    expect(visitor.problems).toEqual([]);
  });

  test("that are gone leave the page as it is", async () => {
    await visit(server, { path: "/zh" });
    await visitor.page.goto(`${server.url}/zh?shared=gone&other=1`);
    await visitor.page.waitForURL(`${server.url}/zh?other=1`);
    await visitor.expectModel();
    expect(await visitor.cells().count()).toBe(0);
  });

  test("do not take the form without JavaScript with them", async () => {
    await visit(server);
    await share(`${server.url}/answer`, "coffee.jpg");
    await visitor.page
      .getByRole("listitem")
      .getByText(await expectedLabel(server, "coffee.jpg"))
      .waitFor();
  });
});

test("requests of the page, and their progress, do not pass the service worker", async () => {
  await visit(server);
  const { page } = visitor;
  await page.reload();
  await visitor.expectModel();
  const passed: string[] = [];
  const urls: string[] = [];
  page.on("response", (response) => {
    urls.push(response.url());
    if (response.fromServiceWorker()) {
      passed.push(response.url());
    }
  });
  await visitor.shrinks().uncheck();
  await visitor.slowUploads(100_000);
  await visitor.choose("coffee.png");
  await page.getByText(/^Uploading [1-9]\d? %/).waitFor();
  await visitor.expectPhase("answered");
  expect(urls.some((url) => url.includes(ANALYZE))).toBe(true);
  expect(passed).toEqual([]);
});

test("a page of a server that is gone is replaced until the visitor tries again", async () => {
  const own = await startServer();
  await visit(own, { path: "/zh", locale: "zh-CN" });
  await own.stop();
  const { page } = visitor;
  const failed = page.getByRole("heading", { level: 1, name: chinese.t("failure.offline") });
  await page.goto(`${own.url}/docs`);
  await failed.waitFor();
  const again = await startServer({ LISTEN_ADDR: new URL(own.url).host });
  try {
    await page.getByRole("link", { name: chinese.t("failure.tryAgain") }).click();
    await page.getByRole("heading", { level: 1, name: "The API" }).waitFor();
    expect(page.url()).toBe(`${own.url}/docs`);
  } finally {
    await again.stop();
  }
});
