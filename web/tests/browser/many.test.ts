/** Many pictures: the gallery of a visit. */

import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import type { TextKey } from "../../src/i18n/language.ts";
import { server, visit, visitor } from "./stage.ts";
import { expectedLabel, pictureBytes } from "./support.ts";
import { READY, tasksDuring } from "./tasks.ts";

const KINDS = ["coffee.jpg", "rocket.jpg", "chelsea_phone.jpg"];

/** Gives the page copies of sample pictures, as a dropped folder or a dialog does. */
async function give(count: number, kinds = KINDS) {
  const files = await Promise.all(kinds.map(async (kind) => (await pictureBytes(kind)).toString("base64")));
  await visitor.page.evaluate(
    async ({ files, count, ready }) => {
      const contents = files.map((base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)));
      const transfer = new DataTransfer();
      for (let index = 0; index < count; index += 1) {
        const content = contents[index % contents.length] as Uint8Array<ArrayBuffer>;
        transfer.items.add(new File([content], `picture-${index + 1}.jpg`, { type: "image/jpeg" }));
      }
      const chooser = document.querySelector("[data-testid=chooser]") as HTMLInputElement;
      chooser.files = transfer.files;
      await new Promise((resolve) => setTimeout(resolve, 200));
      performance.mark(ready);
      chooser.dispatchEvent(new Event("change", { bubbles: true }));
    },
    { files, count, ready: READY },
  );
}

/** In milliseconds. */
const LONGEST_TASK = 100;

const run = () => visitor.page.getByTestId("run");
const ended = () => visitor.page.locator("[data-testid=run][data-run=ended]").waitFor({ timeout: 120_000 });
const captions = () => visitor.page.locator(".cell-caption").allTextContents();
const button = (key: TextKey) => visitor.page.getByRole("button", { name: visitor.language.t(key), exact: true });

/** The model's words for a picture's first label. */
const label = (picture: string) => expectedLabel(server, picture, visitor.language);

async function downloaded(key: TextKey) {
  const download = visitor.page.waitForEvent("download");
  await button(key).click();
  return readFile(await (await download).path(), "utf8");
}

describe("a dozen pictures", () => {
  test("go through the batch route, and each can be gone back to", async () => {
    await visit();
    await visitor.expectModel();
    const urls: string[] = [];
    visitor.page.on("request", (request) => urls.push(new URL(request.url()).pathname));
    await give(12);
    await ended();
    expect(urls.filter((url) => url.endsWith("/analyze"))).toEqual([]);
    expect(urls.filter((url) => url.endsWith("/analyze/batch")).length).toBeGreaterThan(1);
    const labels = await Promise.all(KINDS.map(label));
    expect(await captions()).toEqual([...labels, ...labels, ...labels, ...labels]);
    await visitor.page.locator(".cell").nth(1).click();
    await visitor.expectLabel(await label("rocket.jpg"));
    expect(await visitor.page.locator("[data-testid=map][data-shown=true]").count()).toBe(1);
  });

  test("are filtered, sorted and downloaded", async () => {
    await visit({ acceptDownloads: true });
    await visitor.expectModel();
    await give(12);
    await ended();
    const coffee = await label("coffee.jpg");
    await visitor.page.getByRole("combobox", { name: "Label" }).fill(coffee.toUpperCase());
    await expect.poll(captions).toEqual(Array(4).fill(coffee));
    const table = await downloaded("gallery.csv");
    expect(table.trim().split("\r\n")).toHaveLength(5);
    expect(table).toContain("picture-1.jpg,answered,,espresso,0.");
    const list = JSON.parse(await downloaded("gallery.json"));
    expect(list.map(({ file }: { file: string }) => file)).toEqual([1, 4, 7, 10].map((it) => `picture-${it}.jpg`));
    await visitor.page.getByRole("combobox", { name: "Label" }).fill("no such label");
    await visitor.page.getByText(visitor.language.t("gallery.nothing")).waitFor();
    await visitor.page.getByRole("combobox", { name: "Label" }).fill("");
    await visitor.page.getByLabel("Order").selectOption("surest");
    const confidences = async () =>
      (await visitor.page.locator(".cell-confidence").allTextContents()).map((text) => Number.parseInt(text, 10));
    await expect.poll(async () => (await confidences()).length).toBe(12);
    const all = await confidences();
    expect(all).toEqual(all.toSorted((a, b) => b - a));
    await visitor.page.getByRole("slider", { name: /sure$/ }).fill("85");
    await expect.poll(async () => Math.min(...(await confidences()))).toBeGreaterThanOrEqual(85);
  });

  test("can be gone through by keyboard", async () => {
    await visit();
    await visitor.expectModel();
    await give(40);
    await ended();
    const focused = () => visitor.page.evaluate(() => (document.activeElement as HTMLElement).title);
    await visitor.page.locator('.cell[tabindex="0"]').focus();
    expect(await focused()).toBe("picture-1.jpg");
    const columns = Number(await visitor.page.getByRole("grid").getAttribute("aria-colcount"));
    for (const [key, expected] of [
      ["ArrowRight", 2],
      ["ArrowDown", 2 + columns],
      ["End", 2 * columns],
      ["Home", columns + 1],
      ["ArrowUp", 1],
      ["Control+End", 40],
      ["ArrowRight", 40],
      ["Control+Home", 1],
    ] as const) {
      await visitor.page.keyboard.press(key);
      await expect.poll(focused, { message: key }).toBe(`picture-${expected}.jpg`);
    }
    await visitor.page.keyboard.press("ArrowRight");
    await visitor.page.keyboard.press("Enter");
    await visitor.expectLabel(await label("rocket.jpg"));
    expect(await focused()).toBe("picture-2.jpg");
  });

  test("are paused, and go on; are cancelled, and tried again; are cleared", async () => {
    await visit();
    await visitor.expectModel();
    const { promise: release, resolve } = Promise.withResolvers<void>();
    await visitor.page.route("**/analyze/batch*", async (route) => {
      await release;
      await route.continue();
    });
    await give(30);
    await button("run.pause").click();
    await visitor.page.locator("[data-testid=run][data-run=paused]").waitFor();
    await visitor.expectAccessible();
    await visitor.gallery().scrollIntoViewIfNeeded();
    await visitor.screenshot("many-paused");
    resolve();
    await expect.poll(async () => (await run().textContent()) ?? "").toMatch(/^8 of 30/);
    await button("run.resume").click();
    await button("run.cancel").click();
    await ended();
    expect(await run().textContent()).toMatch(/\d+ without an answer/);
    await button("run.retry").click();
    await expect.poll(async () => new Set(await captions()).size).toBe(3);
    await ended();
    expect(await run().textContent()).not.toMatch(/without an answer/);
    await button("run.clear").click();
    await visitor.page.getByText(visitor.language.t("visit.none")).waitFor();
    await visitor.page.getByRole("heading", { name: visitor.language.t("introduction.heading") }).waitFor();
    expect(await visitor.page.evaluate(() => document.activeElement?.id)).toBe("visit");
  });

  test("wait while the server is busy, and stop where it is gone", async () => {
    await visit();
    await visitor.expectModel();
    let turn = 0;
    await visitor.page.route("**/analyze/batch*", async (route) => {
      turn += 1;
      const json = { message: "The server is busy: try again in a moment" };
      return turn <= 2 ? route.fulfill({ status: 503, headers: { "Retry-After": "2" }, json }) : route.abort();
    });
    await give(12);
    await visitor.page.getByText(/Trying again in \d s/).waitFor();
    expect(turn).toBeLessThanOrEqual(2);
    await visitor.page.locator("[data-testid=run][data-run=halted]").waitFor();
    expect(await run().textContent()).toContain("No connection to the server");
    await visitor.expectAccessible();
    await visitor.page.unroute("**/analyze/batch*");
    await button("failure.tryAgain").click();
    await ended();
    expect(await run().textContent()).not.toMatch(/without an answer/);
  });
});

test("a thousand pictures stay smooth, and take no more of the page than a dozen", { timeout: 240_000 }, async () => {
  await visit();
  await visitor.expectModel();
  const session = await visitor.page.context().newCDPSession(visitor.page);
  const heap = async () => {
    await session.send("HeapProfiler.collectGarbage");
    return (await session.send("Runtime.getHeapUsage")).usedSize;
  };
  await give(12);
  await ended();
  const count = () => visitor.page.evaluate(() => document.querySelectorAll("*").length);
  const before = { heap: await heap(), elements: await count() };
  const tasks = await tasksDuring(visitor.page, async () => {
    await give(1_000);
    await visitor.page.getByText(/ a second/).waitFor();
    await ended();
    await visitor.page.locator(".grid-scroller").hover();
    for (let turn = 0; turn < 20; turn += 1) {
      await visitor.page.mouse.wheel(0, 600);
      await visitor.page.waitForTimeout(50);
    }
    await visitor.page.locator('[title="picture-1000.jpg"]').waitFor();
  });
  expect(tasks.length).toBeGreaterThan(1_000);
  expect(Math.max(...tasks)).toBeLessThan(LONGEST_TASK);
  expect(await visitor.page.locator(".cell").count()).toBeLessThan(150);
  expect(await count()).toBeLessThan(before.elements + 800);
  // 10 kB a picture: its answer with three maps of 49 numbers.
  expect((await heap()) - before.heap).toBeLessThan(1_000 * 10_000);
  expect(await run().textContent()).toMatch(/^1012 pictures in/);
});

test("more pictures than a visit takes are left out, and it says so", async () => {
  await visit();
  await visitor.expectModel();
  await visitor.page.route("**/analyze/batch*", () => {});
  await give(10_001);
  await visitor.page.getByText("A visit takes at most 10,000 pictures: the others were left out.").waitFor();
  await expect.poll(async () => (await run().textContent()) ?? "").toMatch(/^0 of 10,000/);
  await button("run.cancel").click();
  await ended();
  await give(1);
  await visitor.page.getByRole("alert").waitFor();
  expect(await run().textContent()).toMatch(/^10,000 pictures in/);
  await button("run.clear").click();
  await visitor.page.getByText(visitor.language.t("visit.none")).waitFor();
  expect(await visitor.page.getByRole("alert").count()).toBe(0);
});

const LOOKS = (["light", "dark"] as const).flatMap((colorScheme) =>
  ["/", "/zh"].flatMap((path) =>
    [
      { name: "320", width: 320, height: 640 },
      { name: "phone", width: 390, height: 844 },
      { name: "desktop", width: 1280, height: 800 },
      { name: "4k", width: 3840, height: 2160 },
    ].map((window) => ({ colorScheme, path, ...window })),
  ),
);

test.each(LOOKS)("in $colorScheme at $path, $name", async ({ colorScheme, path, name, width, height }) => {
  const touch = width < 800 ? { isMobile: true, hasTouch: true } : {};
  await visit({ colorScheme, path, viewport: { width, height }, reducedMotion: "reduce", ...touch });
  await visitor.expectModel();
  await give(30);
  await ended();
  await visitor.expectFits();
  await visitor.expectAccessible();
  const small = await visitor.page
    .locator(".visit :is(button, input, select):visible")
    .evaluateAll((all) => all.map((one) => one.getBoundingClientRect().height).filter((height) => height < 44));
  expect(small).toEqual([]);
  await visitor.page.locator(".visit").scrollIntoViewIfNeeded();
  await visitor.screenshot(`many-${colorScheme}${path === "/" ? "" : "-zh"}-${name}`);
});
