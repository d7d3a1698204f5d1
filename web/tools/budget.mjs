// Compares the gzipped size of the site's JavaScript with its budget. Exits with 1 if it is larger.

import { glob, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const BUDGET = 130_000;

const dist = fileURLToPath(new URL("../dist/", import.meta.url));
/** @type {[string, number][]} */
const sizes = [];
for await (const file of glob("**/*.js", { cwd: dist })) {
  sizes.push([file, gzipSync(await readFile(join(dist, file))).length]);
}
const page = await readFile(join(dist, "index.html"), "utf8");
const inline = [...page.matchAll(/<script[^>]*>([\s\S]*?)<\/script>/g)].map(([, text]) => text).join("");
sizes.push(["inline, on the page", gzipSync(inline).length]);

const total = sizes.reduce((sum, [, size]) => sum + size, 0);
for (const [file, size] of sizes.sort(([, a], [, b]) => b - a)) {
  console.log(`${String(size).padStart(8)}  ${file}`);
}
console.log(`${String(total).padStart(8)}  bytes of JavaScript, gzipped; the budget is ${BUDGET}`);
if (sizes.length < 2 || total > BUDGET) {
  console.error("The site has more JavaScript than its budget, or none: see the list above.");
  process.exit(1);
}
