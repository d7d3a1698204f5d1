import { glob, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, gzipSync, constants as zlib } from "node:zlib";
import type { AstroIntegration } from "astro";

const TEXT = "**/*.{css,html,js,json,svg,txt,webmanifest,xml}";

/** Writes `FILE.br` and `FILE.gz` beside each text file of the built site, if they are smaller. */
export function precompress(): AstroIntegration {
  return {
    name: "precompress",
    hooks: {
      "astro:build:done": async ({ dir, logger }) => {
        const folder = fileURLToPath(dir);
        let written = 0;
        for await (const file of glob(TEXT, { cwd: folder })) {
          const bytes = await readFile(`${folder}/${file}`);
          const br = brotliCompressSync(bytes, { params: { [zlib.BROTLI_PARAM_SIZE_HINT]: bytes.length } });
          const gz = gzipSync(bytes, { level: zlib.Z_BEST_COMPRESSION });
          for (const [ending, packed] of [
            ["br", br],
            ["gz", gz],
          ] as const) {
            if (packed.length < bytes.length) {
              await writeFile(`${folder}/${file}.${ending}`, packed);
              written += 1;
            }
          }
        }
        logger.info(`${written} compressed files`);
      },
    },
  };
}
