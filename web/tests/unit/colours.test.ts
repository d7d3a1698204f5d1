import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

test("the browser's own frame has the background of the page, light and dark", () => {
  const pages = [...readFileSync("src/styles/colours.css", "utf8").matchAll(/--page: (#\w+);/g)].map(([, it]) => it);
  const frames = [...readFileSync("src/layouts/Layout.astro", "utf8").matchAll(/"theme-color" content="(#\w+)"/g)];
  expect(pages).toHaveLength(2);
  expect(frames.map(([, it]) => it)).toEqual(pages);
});
