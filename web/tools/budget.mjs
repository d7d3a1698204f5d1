// Compares the gzipped size of the site's JavaScript with its budgets. Exits with 1 if it is larger.

import { glob, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { firstLoad, inlineScripts } from "./first-load.ts";

/** Of what a home page loads at once, in bytes. */
const FIRST_LOAD = 60_000;
/** Of all scripts of the site, in bytes. */
const SITE = 150_000;
const HOMES = ["index.html", "zh.html"];

const dist = fileURLToPath(new URL("../dist/", import.meta.url));
/** @type {Map<string, number>} */
const sizes = new Map();
for await (const file of glob("**/*.js", { cwd: dist })) {
  sizes.set(file, gzipSync(await readFile(join(dist, file))).length);
}

let isWithin = sizes.size > 0;

/**
 * @param {string} what
 * @param {[string, number][]} parts
 * @param {number} budget
 */
function compare(what, parts, budget) {
  const total = parts.reduce((sum, [, size]) => sum + size, 0);
  for (const [file, size] of parts.toSorted(([, a], [, b]) => b - a)) {
    console.log(`${String(size).padStart(8)}  ${file}`);
  }
  console.log(`${String(total).padStart(8)}  bytes of JavaScript, gzipped: ${what}; the budget is ${budget}\n`);
  isWithin &&= total <= budget;
}

let inline = 0;
for (const home of HOMES) {
  const html = await readFile(join(dist, home), "utf8");
  const files = await firstLoad(dist, html);
  const size = gzipSync(inlineScripts(html)).length;
  inline = Math.max(inline, size);
  /** @type {[string, number][]} */
  const parts = files.map((file) => [file, sizes.get(file) ?? 0]);
  compare(`the first load of ${home}`, [...parts, ["inline", size]], FIRST_LOAD);
  isWithin &&= files.length > 0;
}
compare("the whole site", [...sizes, ["inline, on a page", inline]], SITE);

if (!isWithin) {
  console.error("The site has more JavaScript than its budgets, or none: see the lists above.");
  process.exit(1);
}
