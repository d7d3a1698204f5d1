import type { BrowserContextOptions } from "playwright-core";
import { describe, expect, test } from "vitest";
import { server, visit, visitor } from "./stage.ts";
import { expectedLabel, sampleFile } from "./support.ts";

const WINDOWS: [string, BrowserContextOptions][] = [
  ["320", { viewport: { width: 320, height: 640 } }],
  ["phone", { viewport: { width: 390, height: 844 } }],
  ["tablet", { viewport: { width: 820, height: 1180 } }],
  ["desktop", { viewport: { width: 1280, height: 800 } }],
  ["full-hd", { viewport: { width: 1920, height: 1080 } }],
  ["4k", { viewport: { width: 3840, height: 2160 } }],
];
const SCHEMES = ["light", "dark"] as const;
const LOOKS = [
  ["light", "/"],
  ["dark", "/"],
  ["light", "/zh"],
  ["dark", "/zh"],
] as const;

describe.each(LOOKS)("in %s at %s", (colorScheme, path) => {
  const look = path === "/" ? colorScheme : `${colorScheme}-zh`;

  test.each(WINDOWS)("from empty to answered, at %s", async (name, options) => {
    await visit({ ...options, colorScheme, path, reducedMotion: "reduce" });
    await visitor.expectModel();
    await visitor.expectFits();
    await visitor.expectAccessible();
    await visitor.screenshot(`${look}-${name}-empty`);
    await visitor.choose("rocket.jpg", "coffee.jpg", "chelsea.png");
    const third = await expectedLabel(server, "chelsea.png", visitor.language);
    await visitor.gallery().getByRole("button", { name: third }).click();
    await visitor.expectPhase("answered");
    // A picture chosen in the gallery is scrolled into view.
    expect(await visitor.label().evaluate((label) => label.getBoundingClientRect().top)).toBeGreaterThan(0);
    await visitor.expectFits();
    await visitor.expectAccessible();
    await visitor.screenshot(`${look}-${name}-answered`);
  });

  test("chosen, working and failed", async () => {
    await visit({ colorScheme, path });
    const { t } = visitor.language;
    await visitor.slowUploads(20_000);
    await visitor.choose("chelsea.png", "coffee.jpg");
    await visitor.page.getByRole("progressbar").waitFor();
    await visitor.expectAccessible();
    await visitor.screenshot(`${look}-working`);
    await visitor.page.getByRole("button", { name: t("phase.waiting") }).click();
    await visitor.expectPhase("waiting");
    await visitor.expectAccessible();
    await visitor.screenshot(`${look}-chosen`);
    await visitor.cancel();
    await visitor.expectPhase("cancelled");
    await visitor.expectAccessible();
    await visitor.choose({ name: "text.jpg", mimeType: "image/jpeg", buffer: Buffer.from("a text") });
    await visitor.page.getByRole("button", { name: t("phase.analyzing") }).click();
    await visitor.cancel();
    await visitor.page.getByRole("button", { name: t("failure.refused") }).click();
    await visitor.expectFailure("refused");
    await visitor.expectAccessible();
    await visitor.screenshot(`${look}-failed`);
  });
});

describe.each(SCHEMES)("in %s", (colorScheme) => {
  test.each(["/docs", "/licence", "/answer", "/nothing"])("the page %s", async (path) => {
    await visit({ colorScheme, path, viewport: { width: 390, height: 844 } });
    await visitor.expectFits();
    await visitor.expectAccessible();
    await visitor.screenshot(`${colorScheme}-page-${path.slice(1)}`);
  });
});

test.each(["/", "/zh"])("whatever can be tapped at %s is at least 44 pixels wide and high", async (path) => {
  await visit({ path, viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
  await visitor.page.getByRole("button", { name: visitor.language.t("samples.coffee") }).click();
  await visitor.expectPhase("answered");
  const small = await visitor.page.evaluate(() =>
    [...document.querySelectorAll("a:not(.skip-link), button, .switch-label, [type=range]")]
      .filter((element) => element.checkVisibility())
      .map((element) => ({ text: element.textContent, box: element.getBoundingClientRect() }))
      .filter(({ box }) => box.width < 44 || box.height < 44)
      .map(({ text, box }) => `${text}: ${box.width} x ${box.height}`),
  );
  expect(small).toEqual([]);
});

test("by keyboard alone, and where one is can be seen", async () => {
  await visit();
  const { page } = visitor;
  await page.getByText(/Answered by/).waitFor();
  const focused = () =>
    page.evaluate(() => {
      const element = document.activeElement as HTMLElement;
      return {
        name: element.ariaLabel || element.textContent || element.id,
        outline: getComputedStyle(element).outlineStyle,
        isNowhere: element === document.body,
      };
    });
  const reach = async (name: RegExp) => {
    for (let presses = 0; presses < 30; presses += 1) {
      await page.keyboard.press("Tab");
      const at = await focused();
      if (at.isNowhere) {
        // The focus is past the last element and before the first.
        continue;
      }
      expect(at.outline, `${at.name} shows no focus`).not.toBe("none");
      if (name.test(at.name)) {
        return;
      }
    }
    throw new Error(`${name} can't be reached`);
  };
  await reach(/Skip to the content/);
  const dialog = page.waitForEvent("filechooser");
  await reach(/Choose photographs/);
  await page.keyboard.press("Enter");
  await (await dialog).setFiles(await sampleFile("coffee.jpg"));
  await visitor.expectLabel(await expectedLabel(server, "coffee.jpg"));
  await reach(/Copy as JSON/);
  await reach(/A rocket/);
  await page.keyboard.press("Space");
  await visitor.expectLabel(await expectedLabel(server, "rocket_progressive.jpg"));
  await reach(/shrinks/);
  await page.keyboard.press("Space");
  expect(await visitor.shrinks().isChecked()).toBe(false);
  await page.locator(".brand").focus();
  // The Tab key leads to the selected picture of the gallery, the arrow keys to the others.
  await reach(new RegExp(`${await expectedLabel(server, "rocket_progressive.jpg")}$`));
  await page.keyboard.press("ArrowLeft");
  await visitor.screenshot("focus");
  await page.keyboard.press("Enter");
  await visitor.expectLabel(await expectedLabel(server, "coffee.jpg"));
  await reach(/Copy as JSON/);
  await reach(/API documentation/);
  await reach(/Licence/);
});

describe("motion", () => {
  /** Runs in the page. The bars with a running animation in the first frame that has bars. */
  const growing = () =>
    new Promise<number>((resolve) => {
      const look = () => {
        const animations = document.getAnimations().map((animation) => animation as CSSAnimation);
        const bars = animations.filter(({ animationName }) => animationName === "grow");
        const long = bars.filter(({ effect }) => Number(effect?.getComputedTiming().duration) > 1);
        document.querySelector(".bars") ? resolve(long.length) : requestAnimationFrame(look);
      };
      look();
    });

  test.each([
    ["reduce", 0],
    ["no-preference", 3],
  ] as const)("where it is asked to %s, %i bars grow", async (reducedMotion, bars) => {
    await visit({ reducedMotion });
    const seen = visitor.page.evaluate(growing);
    await visitor.page.getByRole("button", { name: "A cat" }).click();
    expect(await seen).toBe(bars);
  });
});

describe("without JavaScript", () => {
  test("the page says so, and its form gives the answer", async () => {
    await visit({ javaScriptEnabled: false });
    const words = visitor.page.locator("noscript p");
    await words.waitFor();
    expect(await words.textContent()).toContain("JavaScript is off.");
    expect(await visitor.page.getByRole("button", { name: "Choose photographs" }).isVisible()).toBe(false);
    await visitor.screenshot("plain-form");
    await visitor.page.locator("input[name=picture]").setInputFiles(await sampleFile("coffee.jpg"));
    await visitor.page.locator(".plain-form button").click();
    await visitor.page.locator(".plain-answer").waitFor();
    expect(await visitor.page.locator(".plain-answer li").first().textContent()).toContain(
      await expectedLabel(server, "coffee.jpg"),
    );
    expect(await visitor.page.locator(".plain-answer li").count()).toBe(3);
    await visitor.screenshot("plain-answer");
    await visitor.page
      .getByLabel("Photograph")
      .setInputFiles({ name: "a.jpg", mimeType: "image/jpeg", buffer: Buffer.from("a text") });
    await visitor.page.locator(".plain-form button").click();
    await visitor.page.getByText("The data is not an image").waitFor();
    await visitor.screenshot("plain-error");
  });

  test("its pages are accessible with the answer in them", async () => {
    await visit({ path: "/answer" });
    await visitor.page.locator("input[name=picture]").setInputFiles(await sampleFile("coffee.jpg"));
    await visitor.page.locator(".plain-form button").click();
    await visitor.page.locator(".plain-answer").waitFor();
    await visitor.expectAccessible();
  });

  test("everything is there before the first script has run", async () => {
    await visit({ path: "/docs" });
    await visitor.page.route("**/*.js", () => undefined);
    await visitor.page.goto(server.url, { waitUntil: "commit" });
    await visitor.page.getByRole("button", { name: "Choose photographs" }).waitFor();
    await visitor.page.getByRole("heading", { name: "What is in the picture?" }).waitFor();
    await visitor.screenshot("before-scripts");
  });
});
