/** Another model serves than the one that the page knows. The test answers in place of the server, which has one model. */

import type { BrowserContextOptions } from "playwright-core";
import { expect, test } from "vitest";
import { PARTS } from "../models.ts";
import { visit, visitor } from "./stage.ts";
import { sampleFile } from "./support.ts";

const LOOKS: [string, BrowserContextOptions][] = [
  ["light-phone", { colorScheme: "light", viewport: { width: 390, height: 844 } }],
  ["light-desktop", { colorScheme: "light", viewport: { width: 1280, height: 800 } }],
  ["dark-320", { colorScheme: "dark", viewport: { width: 320, height: 640 } }],
  ["dark-full-hd", { colorScheme: "dark", viewport: { width: 1920, height: 1080 } }],
];

const OBJECTS = ["bicycle", "wheel", "traffic_light", "person_with_a_reflective_jacket", "kerb", "tree", "shop_window"];

/** As many labels, the most likely first. */
function labels(count: number) {
  return Array.from({ length: count }, (_, index) => ({
    label: index < OBJECTS.length ? OBJECTS[index] : `street_furniture_${index}`,
    confidence: 0.97 - (0.7 * index) / count,
  }));
}

const TIMING = "queue;dur=0.1, decode;dur=2.4, resize;dur=0.9, inference;dur=18.1";

/** Opens the page with the model of the server. From then on another one serves, which finds what `replies` returns. */
async function swapped(options: BrowserContextOptions, replies: () => object[]) {
  await visit({ ...options, reducedMotion: "reduce" });
  await visitor.page.getByText(/Answered by/).waitFor();
  await visitor.page.route("**/api/v1/model", (route) => route.fulfill({ json: PARTS }));
  await visitor.page.route("**/api/v1/analyze*", (route) =>
    route.fulfill({ headers: { "Model-Revision": PARTS.revision, "Server-Timing": TIMING }, json: replies() }),
  );
}

/** Sends a picture, and looks at its answer. */
async function answered(name: string, screenshot: string) {
  await visitor.choose({ ...(await sampleFile("coffee.jpg")), name });
  await visitor.page.getByAltText(name).waitFor();
  await visitor.expectPhase("answered");
  await visitor.page.getByText(/^Answered by Parts/).waitFor();
  await visitor.expectFits();
  await visitor.screenshot(screenshot);
}

/** The heights of the whole panel and of the list in it, and whether the list scrolls. */
function heights() {
  return visitor.page.evaluate(() => {
    const list = document.querySelector(".bars-many");
    return {
      panel: document.querySelector(".panel")?.clientHeight ?? 0,
      list: list?.clientHeight ?? 0,
      scrolls: list ? list.scrollHeight > list.clientHeight : false,
    };
  });
}

test("a swap of the model is noticed with the first answer of the new one", async () => {
  await swapped({}, () => labels(3));
  const asked: string[] = [];
  visitor.page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  for (const name of ["first.jpg", "second.jpg"]) {
    await answered(name, "swapped");
  }
  await visitor.page.getByText("Answered by Parts (2, 640 x 480), MIT, with those of its 80 labels").waitFor();
  expect(asked.filter((path) => path === "/api/v1/model")).toHaveLength(1);
  expect(await visitor.page.getByTestId("model-change").textContent()).toContain("Another model serves now: Parts");
  expect(await visitor.page.getByText(/to a short side of 2560 pixels/).count()).toBe(1);
});

test.each(LOOKS)("a multi-label model finds nothing, little or much, at %s", async (look, options) => {
  let found: object[] = [];
  await swapped(options, () => found);
  await answered("0.jpg", `${look}-labels-0`);
  expect(await visitor.label().textContent()).toBe("Nothing recognized");
  await visitor.page.getByText("Nothing that the model knows is in this picture with enough confidence.").waitFor();
  await visitor.expectAccessible();
  for (const count of [2, 5, 60]) {
    found = labels(count);
    await answered(`${count}.jpg`, `${look}-labels-${count}`);
    expect(await visitor.panel().getByRole("listitem").count()).toBe(count);
    const { panel, list, scrolls } = await heights();
    expect(list).toBeLessThanOrEqual(304);
    expect(panel).toBeLessThan(640);
    expect(scrolls).toBe(count === 60);
  }
  await visitor.expectAccessible();
  await visitor.page.locator("footer").scrollIntoViewIfNeeded();
  await visitor.screenshot(`${look}-labels-footer`);
});

test("many labels scroll by keyboard, and the focus can be seen", async () => {
  await swapped({}, () => labels(60));
  await answered("many.jpg", "labels-60");
  const many = visitor.page.getByRole("region", { name: "60 labels" });
  await visitor.page.getByRole("heading", { level: 1 }).click();
  await visitor.page.keyboard.press("Tab");
  const focus = await many.evaluate((list) => ({
    isHere: list === document.activeElement,
    outline: getComputedStyle(list).outlineStyle,
  }));
  expect(focus).toEqual({ isHere: true, outline: "solid" });
  await visitor.screenshot("labels-focus");
  await visitor.page.keyboard.press("End");
  const isAtEnd = () => many.evaluate((list) => list.scrollTop + list.clientHeight + 1 >= list.scrollHeight);
  await expect.poll(isAtEnd).toBe(true);
});
