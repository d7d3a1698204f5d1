import { createHash } from "node:crypto";
import { glob, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { AstroIntegration } from "astro";

/** The file with the hashes of all inline scripts, one per line, which the server reads. */
export const HASHES = "script-hashes.txt";

const SCRIPT = /<script([^>]*)>([\s\S]*?)<\/script>/g;

/** The inline scripts of a page as hash sources for `script-src` of a Content-Security-Policy. */
export function scriptHashes(html: string): string[] {
  const inline = [...html.matchAll(SCRIPT)].filter(([, attributes = ""]) => !/\ssrc=/.test(attributes));
  return inline.map(([, , text = ""]) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`);
}

/** Writes the hashes after the build. The server allows no other inline script. */
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
