import { createHash } from "node:crypto";
import { glob, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { AstroIntegration } from "astro";

/** The hashes of every page's inline scripts, a line each, where the server looks for them. */
export const HASHES = "script-hashes.txt";

const SCRIPT = /<script([^>]*)>([\s\S]*?)<\/script>/g;

/** The inline scripts of a page as sources of a Content-Security-Policy's `script-src`. */
export function scriptHashes(html: string): string[] {
  const inline = [...html.matchAll(SCRIPT)].filter(([, attributes = ""]) => !/\ssrc=/.test(attributes));
  return inline.map(([, , text = ""]) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`);
}

/** Writes the hashes once the site is built: the server allows these scripts and no other. */
export function contentSecurityPolicy(): AstroIntegration {
  return {
    name: "content-security-policy",
    hooks: {
      "astro:build:done": async ({ dir, logger }) => {
        const folder = fileURLToPath(dir);
        const hashes = new Set<string>();
        for await (const page of glob("**/*.html", { cwd: folder })) {
          for (const hash of scriptHashes(await readFile(`${folder}/${page}`, "utf8"))) {
            hashes.add(hash);
          }
        }
        await writeFile(
          `${folder}/${HASHES}`,
          [...hashes]
            .sort()
            .map((hash) => `${hash}\n`)
            .join(""),
        );
        logger.info(`${hashes.size} inline scripts are allowed by their hashes`);
      },
    },
  };
}
