import { glob, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { AstroIntegration } from "astro";
import { firstLoad } from "./first-load.ts";

/**
 * Names in the head of each page the modules that its islands import, so that a browser loads all of them at once. Otherwise
 * it would find each one only in the module that imports it. All pages are at the root, and the URLs are relative to it.
 */
export function preloadModules(): AstroIntegration {
  return {
    name: "preload-modules",
    hooks: {
      "astro:build:done": async ({ dir, logger }) => {
        const folder = fileURLToPath(dir);
        let links = 0;
        for await (const file of glob("*.html", { cwd: folder })) {
          const html = await readFile(`${folder}/${file}`, "utf8");
          const modules = await firstLoad(folder, html);
          if (modules.length > 0) {
            const tags = modules.map((path) => `<link rel="modulepreload" href="./${path}">`).join("");
            await writeFile(
              `${folder}/${file}`,
              html.replace("</head>", () => `${tags}</head>`),
            );
            links += modules.length;
          }
        }
        logger.info(`${links} modules are preloaded`);
      },
    },
  };
}
