import { createHash } from "node:crypto";
import { appendFile, glob, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { AstroIntegration } from "astro";
import { build } from "vite";

const ENTRY = fileURLToPath(new URL("../src/worker/sw.ts", import.meta.url));

/**
 * Writes the service worker to `sw.js` at the root of the built site: a worker reaches only what is below itself.
 *
 * A browser installs a worker, and with it the offline pages, when the bytes of the worker differ. So it holds a hash of these
 * pages, and must be written after them.
 */
export function serviceWorker(): AstroIntegration {
  return {
    name: "service-worker",
    hooks: {
      "astro:build:done": async ({ dir, logger }) => {
        const folder = fileURLToPath(dir);
        const hash = createHash("sha256");
        const pages = await Array.fromAsync(glob("offline-*.html", { cwd: folder }));
        for (const page of pages.sort()) {
          hash.update(await readFile(`${folder}/${page}`));
        }
        await build({
          configFile: false,
          logLevel: "warn",
          build: {
            outDir: folder,
            emptyOutDir: false,
            copyPublicDir: false,
            modulePreload: false,
            rolldownOptions: {
              input: ENTRY,
              output: { entryFileNames: "sw.js" },
            },
          },
        });
        await appendFile(`${folder}/sw.js`, `\n// ${hash.digest("hex")}\n`);
        logger.info(`sw.js has ${pages.length} offline pages`);
      },
    },
  };
}
