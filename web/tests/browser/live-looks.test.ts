/** The live view in both languages, light and dark, at all window sizes. */

import { expect, test } from "vitest";
import { button, expectLive, label, open, server, visit, visitor } from "./camera.ts";
import { expectedLabel } from "./support.ts";

const WINDOWS = [
  { name: "320", width: 320, height: 640 },
  { name: "phone", width: 390, height: 844 },
  { name: "tablet", width: 820, height: 1180 },
  { name: "desktop", width: 1280, height: 800 },
  { name: "4k", width: 3840, height: 2160 },
];
const LOOKS = (["light", "dark"] as const).flatMap((colorScheme) =>
  ["/", "/zh"].flatMap((path) => WINDOWS.map((window) => ({ colorScheme, path, ...window }))),
);

/** The buttons that are less than 44 pixels wide or high. */
function small(): Promise<string[]> {
  return visitor.page.evaluate(() =>
    [...document.querySelectorAll("button")]
      .filter((element) => element.checkVisibility({ visibilityProperty: true }))
      .map((element) => ({ text: element.textContent, box: element.getBoundingClientRect() }))
      .filter(({ box }) => box.width < 44 || box.height < 44)
      .map(({ text, box }) => `${text}: ${box.width} x ${box.height}`),
  );
}

test.each(LOOKS)("in $colorScheme at $path, $name", async ({ colorScheme, path, name, width, height }) => {
  const touch = width < 1000 ? { isMobile: true, hasTouch: true } : {};
  await visit({ colorScheme, path, viewport: { width, height }, reducedMotion: "reduce", ...touch });
  const { t, code } = visitor.language;
  const look = `live-${colorScheme}-${code}-${name}`;
  await open();
  const expected = await expectedLabel(server, "coffee.jpg", visitor.language);
  await expect.poll(() => label().textContent()).toBe(expected);
  await expect.poll(() => visitor.page.getByTestId("live-state").textContent()).toMatch(/\d.*\d/);
  await visitor.expectFits();
  await visitor.expectAccessible();
  expect(await small()).toEqual([]);
  // All three buttons are in one row below the frame.
  const tops = ["live.shutter", "live.switch", "live.close"] as const;
  const boxes = await Promise.all(tops.map((text) => button(text).boundingBox()));
  expect(new Set(boxes.map((box) => box?.y)).size).toBe(1);
  await visitor.screenshot(look);

  const headers = { "Retry-After": "100" };
  await visitor.page.route("**/api/v1/analyze", (route) => route.fulfill({ status: 503, headers, json: {} }));
  await expectLive("busy");
  await visitor.page.getByText(t("failure.busy")).first().waitFor();
  await visitor.expectFits();
  await visitor.expectAccessible();
  await visitor.screenshot(`${look}-busy`);
});

test("a label that takes the place of another one moves nothing", async () => {
  await visit({ viewport: { width: 320, height: 640 } });
  let labels = ["espresso", "cup", "consomme"];
  await visitor.page.route("**/api/v1/analyze", (route) =>
    route.fulfill({ json: labels.map((label, rank) => ({ label, confidence: 0.6 / (rank + 1) })) }),
  );
  const places = () =>
    visitor.page.evaluate(() =>
      [".live-frame", ".live-controls", ".live-title", ".live-bars", ".sources"].map((selector) => [
        selector,
        (document.querySelector(selector)?.getBoundingClientRect().top ?? 0) + scrollY,
      ]),
    );
  await open();
  await expect.poll(() => label().textContent()).toBe("espresso");
  const before = await places();
  labels = ["American_Staffordshire_terrier", "Staffordshire_bullterrier", "soft-coated_wheaten_terrier"];
  await expect.poll(() => label().textContent()).toBe("American Staffordshire terrier");
  expect(await places()).toEqual(before);
  await visitor.screenshot("live-long-320");
  labels = [];
  await expect.poll(() => label().textContent()).toBe("Nothing recognized");
  expect(await places()).toEqual(before);
  await visitor.screenshot("live-nothing");
});
