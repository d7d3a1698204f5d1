import { glob, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { AstroIntegration } from "astro";

/** The attributes of pages and of Astro's islands that hold URLs. */
const ATTRIBUTE = /(\s(?:href|src|action|component-url|renderer-url|before-hydration-url)=")\/(?!\/)/g;
const STYLE_URL = /(url\(["']?)\/(?!\/)/g;
/** The pictures that a script imports. */
const SCRIPT_ASSET = /(["'`])\/_astro\//g;

/** Rewrites the root-relative URLs of a built file to be relative to the base that they are resolved against. */
export function relative(file: string, text: string): string {
  const root = "../".repeat(file.split("/").length - 1) || "./";
  if (file.endsWith(".html")) {
    return text.replace(ATTRIBUTE, `$1${root}`).replace(STYLE_URL, `$1${root}`);
  }
  if (file.endsWith(".css")) {
    return text.replace(STYLE_URL, `$1${root}`);
  }
  // URLs in a script are resolved against the page, and all pages with scripts are at the root.
  return text.replace(SCRIPT_ASSET, "$1./_astro/");
}

/**
 * Makes the site work below any path, for example behind a proxy that serves it at `/glimpse/` and strips that prefix.
 *
 * Astro has no relative `base`. Must run before the integrations that hash or compress the files.
 */
export function relativeUrls(): AstroIntegration {
  return {
    name: "relative-urls",
    hooks: {
      "astro:build:done": async ({ dir, logger }) => {
        const folder = fileURLToPath(dir);
        let changed = 0;
        for await (const file of glob("**/*.{css,html,js}", { cwd: folder })) {
          const text = await readFile(`${folder}/${file}`, "utf8");
          const rewritten = relative(file, text);
          if (/["'`(=]\/_astro\//.test(rewritten)) {
            throw new Error(`${file} names a file of the site in a way that tools/relative-urls.ts does not know`);
          }
          if (rewritten !== text) {
            await writeFile(`${folder}/${file}`, rewritten);
            changed += 1;
          }
        }
        logger.info(`${changed} files have relative URLs`);
      },
    },
  };
}
