/** The maps over the pictures: where the model looked. Needs an executable whose model has maps. */

import { describe, expect, test } from "vitest";
import { server, visit, visitor } from "./stage.ts";

/** The face of the cat in chelsea.png, in fractions of the picture. */
const FACE = { left: 0.25, top: 0.3, right: 0.7, bottom: 0.8 };

/** The usual margins of a printed page. */
const MARGIN = { top: "1cm", right: "1cm", bottom: "1cm", left: "1cm" };

const LOOKS = (["light", "dark"] as const).flatMap((colorScheme) =>
  ["/", "/zh"].flatMap((path) =>
    [
      { name: "desktop", width: 1280, height: 800 },
      { name: "phone", width: 390, height: 844 },
      { name: "320", width: 320, height: 640 },
    ].map((window) => ({ colorScheme, path, ...window })),
  ),
);

const maps = () => visitor.page.getByTestId("map");
const shown = () => visitor.page.locator("[data-testid=map][data-shown=true]");
const bars = () => visitor.page.locator(".bars button");
const controls = () => visitor.page.locator(".look-controls");

async function cat() {
  await visitor.expectModel();
  await visitor.page.getByRole("button", { name: visitor.language.t("samples.cat"), exact: true }).click();
  await visitor.expectPhase("answered");
  await shown().waitFor();
}

/** The mean alpha of the shown map on the cat's face and in the whole picture, 0 to 255, and its pixels. */
function drawn() {
  return shown().evaluate((element, face) => {
    const canvas = element as HTMLCanvasElement;
    const { width, height } = canvas;
    // A copy, because Chromium warns of frequent reads of a canvas that is not made for them.
    const copy = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    copy?.drawImage(canvas, 0, 0);
    const { data } = copy?.getImageData(0, 0, width, height) ?? { data: [] };
    const mean = ({ left, top, right, bottom }: typeof face) => {
      let [sum, count] = [0, 0];
      for (let y = Math.round(top * height); y < Math.round(bottom * height); y += 1) {
        for (let x = Math.round(left * width); x < Math.round(right * width); x += 1) {
          sum += data[(y * width + x) * 4 + 3] ?? 0;
          count += 1;
        }
      }
      return sum / count;
    };
    return {
      face: mean(face),
      all: mean({ left: 0, top: 0, right: 1, bottom: 1 }),
      pixels: Array.from(data).join(),
    };
  }, FACE);
}

describe("the map", () => {
  test("lies on the picture, over the cat's face", async () => {
    await visit();
    await cat();
    const { face, all } = await drawn();
    expect(face).toBeGreaterThan(100);
    expect(face).toBeGreaterThan(1.3 * all);
    const { canvas, picture } = await visitor.page.evaluate(() => {
      const canvas = document.querySelector("canvas") as HTMLCanvasElement;
      const image = document.querySelector("img.preview-contain") as HTMLImageElement;
      return {
        canvas: { box: canvas.getBoundingClientRect().toJSON(), aspect: canvas.width / canvas.height },
        picture: { box: image.getBoundingClientRect().toJSON(), aspect: image.naturalWidth / image.naturalHeight },
      };
    });
    expect(canvas.box).toEqual(picture.box);
    expect(canvas.aspect).toBeCloseTo(picture.aspect, 2);
  });

  test("is that of the label that is hovered, focused or tapped", async () => {
    await visit();
    await cat();
    const first = (await drawn()).pixels;
    const text = await visitor.page.getByTestId("where").textContent();
    await bars().nth(1).hover();
    await expect.poll(async () => (await drawn()).pixels).not.toBe(first);
    expect(await bars().nth(1).getAttribute("aria-pressed")).toBe("true");
    expect(await visitor.page.getByTestId("where").textContent()).not.toBe(text);
    await visitor.page.mouse.move(0, 0);
    await expect.poll(async () => (await drawn()).pixels).toBe(first);
    await bars().first().focus();
    await visitor.page.keyboard.press("Tab");
    await visitor.page.keyboard.press("Tab");
    expect(await bars().nth(2).getAttribute("aria-pressed")).toBe("true");
    await expect.poll(async () => (await drawn()).pixels).not.toBe(first);
    await bars().first().click();
    expect((await drawn()).pixels).toBe(first);
  });

  test("goes with the switch, and the slider makes it weaker", async () => {
    await visit({ reducedMotion: "reduce" });
    await cat();
    const opacity = () =>
      maps()
        .first()
        .evaluate((map) => Number(getComputedStyle(map).opacity));
    await expect.poll(opacity).toBe(0.6);
    await controls().getByRole("slider").focus();
    await visitor.page.keyboard.press("ArrowLeft");
    await expect.poll(opacity).toBe(0.5);
    await controls().getByRole("switch").focus();
    await visitor.page.keyboard.press("Space");
    await expect.poll(opacity).toBe(0);
    expect(await shown().count()).toBe(0);
    expect(await controls().getByRole("slider").isDisabled()).toBe(true);
  });

  test("moves nothing when it comes", async () => {
    await visit();
    await visitor.expectModel();
    await visitor.slowUploads(40_000);
    const tops = () =>
      visitor.page.evaluate(() =>
        [".viewfinder", ".panel", ".sources", ".visit", ".site-footer"].map(
          (selector) => (document.querySelector(selector)?.getBoundingClientRect().top ?? 0) + scrollY,
        ),
      );
    await visitor.page.getByRole("button", { name: "A cat", exact: true }).click();
    await visitor.expectPhase("uploading");
    const before = await tops();
    await shown().waitFor();
    expect(await tops()).toEqual(before);
  });

  test("is on one sheet with the picture and the labels", async () => {
    await visit();
    await cat();
    for (const landscape of [false, true]) {
      const pdf = await visitor.page.pdf({ format: "A4", landscape, margin: MARGIN });
      expect(pdf.toString("latin1").match(/\/Type\s*\/Page\b/g), landscape ? "landscape" : "portrait").toHaveLength(1);
    }
    await visitor.page.emulateMedia({ media: "print" });
    expect(await shown().isVisible()).toBe(true);
    expect(await controls().isVisible()).toBe(false);
    await visitor.screenshot("why-print");
  });

  test("is printed dark on white, in the dark too", async () => {
    await visit({ colorScheme: "dark" });
    await cat();
    await visitor.page.emulateMedia({ media: "print" });
    for (const selector of [":root", "body", ".viewfinder", ".bar[aria-pressed=true]"]) {
      const style = await visitor.page.locator(selector).evaluate((element) => {
        const { backgroundColor, backgroundImage, boxShadow } = getComputedStyle(element);
        return { backgroundColor, backgroundImage, boxShadow };
      });
      const blank = { backgroundColor: "rgba(0, 0, 0, 0)", backgroundImage: "none", boxShadow: "none" };
      expect(style, selector).toEqual(blank);
    }
    const ink = await visitor.page.locator("body").evaluate((body) => getComputedStyle(body).color);
    expect(ink).toBe("rgb(22, 32, 29)");
    // Else WebKitGTK prints the map black.
    const settings = await shown().evaluate((map: HTMLCanvasElement) => map.getContext("2d")?.getContextAttributes());
    expect(settings?.willReadFrequently).toBe(true);
  });
});

test("a model without maps is not asked for any", async () => {
  await visit({ path: "/docs" });
  const model = await (await fetch(`${server.url}/api/v1/model`)).json();
  await visitor.page.route("**/api/v1/model", (route) => route.fulfill({ json: { ...model, activation: null } }));
  await visitor.page.goto(server.url);
  await visitor.page.locator("astro-island:not([ssr])").waitFor();
  await visitor.expectModel();
  const asked = visitor.page.waitForRequest("**/api/v1/analyze*");
  await visitor.page.getByRole("button", { name: "A cat", exact: true }).click();
  expect(new URL((await asked).url()).search).toBe("");
  await visitor.expectPhase("answered");
  expect(await maps().count()).toBe(0);
  expect(await bars().count()).toBe(0);
  expect(await controls().count()).toBe(0);
});

test.each(LOOKS)("in $colorScheme at $path, $name", async ({ colorScheme, path, name, width, height }) => {
  const touch = width < 800 ? { isMobile: true, hasTouch: true } : {};
  await visit({ colorScheme, path, viewport: { width, height }, reducedMotion: "reduce", ...touch });
  await cat();
  await visitor.expectFits();
  await visitor.expectAccessible();
  const targets = visitor.page.locator(".bars button, .look-controls .switch-label, .look-controls [type=range]");
  for (const { height } of await targets.evaluateAll((all) => all.map((one) => one.getBoundingClientRect().toJSON()))) {
    expect(height).toBeGreaterThanOrEqual(44);
  }
  await visitor.screenshot(`why-${colorScheme}${path === "/" ? "" : "-zh"}-${name}`);
});
