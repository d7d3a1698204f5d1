import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { DARK, LIGHT } from "../../src/lib/colours.ts";

test("the browser's own frame has the background of the page, light and dark", () => {
  const pages = [...readFileSync("src/styles/colours.css", "utf8").matchAll(/--page: (#\w+);/g)].map(([, it]) => it);
  expect(pages).toEqual([LIGHT, DARK]);
});
