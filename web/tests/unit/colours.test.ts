import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { DARK, LIGHT } from "../../src/lib/colours.ts";

test("the browser's own frame has the background of the page, light and dark", () => {
  const [light = "", dark = ""] = readFileSync("src/styles/colours.css", "utf8").split("@media");
  expect(LIGHT).toMatch(/^#[0-9a-f]{6}$/);
  expect(light).toContain(`--page: ${LIGHT};`);
  expect(DARK).toMatch(/^#[0-9a-f]{6}$/);
  expect(dark).toContain(`--page: ${DARK};`);
});
