/** What the service worker decides: languages, URLs, and how long it keeps files. */

import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { PATIENCE, SharedFiles } from "../../src/worker/SharedFiles.ts";
import { isShare, languageOf, offlinePage, sharedPage } from "../../src/worker/urls.ts";
import { picture } from "./server.ts";

describe.each(["https://host/", "https://host/glimpse/"])("below %s", (root) => {
  test.each([
    ["", ["en-GB", "zh-CN"], "en"],
    ["", ["fr", "ZH-HK", "en"], "zh"],
    ["", ["fr"], "en"],
    ["", [], "en"],
    ["?lang=en", ["zh-CN"], "en"],
    ["?lang=fr", ["zh-CN"], "en"],
    ["?lang=zh", ["en"], "zh"],
    ["zh", ["en"], "zh"],
    ["docs", ["zh-CN"], "zh"],
    ["answer?share&lang=zh", ["en"], "zh"],
    ["answer?share&lang=en", ["zh"], "en"],
  ])("'%s' is in the language of the URL or of the browser, %j: %s", (path, preferred, code) => {
    expect(languageOf(new URL(path, root), preferred)).toBe(code);
  });

  test("the form of the share menu is told from the others", () => {
    const paths = ["answer?share&lang=zh", "answer", "share", "?share", "more/answer?share"];
    expect(paths.filter((path) => isShare(root, new URL(path, root)))).toEqual(["answer?share&lang=zh"]);
  });

  test("the pages stay below it", () => {
    expect(offlinePage(root, "zh")).toBe(`${root}offline-zh`);
    expect(sharedPage(root, "zh", "id")).toBe(`${root}zh?shared=id`);
    expect(sharedPage(root, "en", "id")).toBe(`${root}?lang=en&shared=id`);
  });
});

test("the languages are chosen as the page chooses them", () => {
  // `/` does so in an inline script, which can import nothing.
  const page = readFileSync("src/pages/index.astro", "utf8");
  const worker = readFileSync("src/worker/urls.ts", "utf8");
  for (const rule of [`.toLowerCase().split("-")[0])`, `=== "en" || `, `.get("lang") ?? `, `) === "zh"`]) {
    expect(page, rule).toContain(rule);
    expect(worker, rule).toContain(rule);
  }
});

describe("shared files", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test("are handed over once, each to its own page", async () => {
    const shared = new SharedFiles();
    const [one, two] = [[picture("one.jpg")], [picture("two.jpg"), picture("three.jpg")]];
    const gone = vi.fn();
    shared.keep("one", one).then(gone);
    shared.keep("two", two);
    expect(shared.take("two")).toEqual(two);
    await vi.advanceTimersByTimeAsync(PATIENCE - 1);
    expect(gone).not.toHaveBeenCalled();
    expect(shared.take("one")).toEqual(one);
    await vi.advanceTimersByTimeAsync(0);
    expect(gone).toHaveBeenCalledOnce();
    expect([shared.take("one"), shared.take("two"), shared.take("three")]).toEqual([[], [], []]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("are dropped after a minute", async () => {
    const shared = new SharedFiles();
    const gone = vi.fn();
    shared.keep("one", [picture()]).then(gone);
    await vi.advanceTimersByTimeAsync(PATIENCE);
    expect(gone).toHaveBeenCalledOnce();
    expect(shared.take("one")).toEqual([]);
  });
});
