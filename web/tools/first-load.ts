/** The scripts that a page of the built site loads at once. */

import { readFile } from "node:fs/promises";
import { join, posix } from "node:path";
import { init, parse } from "es-module-lexer";

/** The attributes that name scripts: of `script`, of `link rel="modulepreload"`, and of Astro's islands. */
const NAMED = [
  /<script[^>]*\ssrc="([^"]+)"/g,
  /<link rel="modulepreload" href="([^"]+)"/g,
  /\s(?:component-url|renderer-url|before-hydration-url)="([^"]+)"/g,
];

/** The files that a page at the root names, and what they import statically, as paths below the folder of the site. */
export async function firstLoad(folder: string, html: string): Promise<string[]> {
  await init();
  const found = new Set<string>();
  const add = async (file: string): Promise<void> => {
    if (found.has(file)) {
      return;
    }
    found.add(file);
    const [imports] = parse(await readFile(join(folder, file), "utf8"));
    const named = imports.flatMap((it) => (it.type === "static" || it.type === "reexport-star" ? [it.specifier] : []));
    await Promise.all(named.map((name) => add(posix.join(posix.dirname(file), name))));
  };
  const named = NAMED.flatMap((expression) => [...html.matchAll(expression)].map(([, url = ""]) => url));
  await Promise.all(named.map((url) => add(posix.normalize(url).replace(/^\//, ""))));
  return [...found].sort();
}

/** The text of a page's inline scripts. */
export function inlineScripts(html: string): string {
  return [...html.matchAll(/<script(?![^>]*\ssrc=)[^>]*>([\s\S]*?)<\/script>/g)].map(([, text]) => text).join("");
}
