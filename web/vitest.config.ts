import { defineConfig } from "vitest/config";

/** The import of a picture gives what it gives on the site: Astro's own plugin runs only there. */
const pictures = {
  name: "pictures",
  enforce: "pre" as const,
  load(id: string) {
    const size = "width: 400, height: 300";
    return /\.(jpg|png|webp)$/.test(id) ? `export default { src: ${JSON.stringify(id)}, ${size} };` : undefined;
  },
};

export default defineConfig({
  test: {
    projects: [
      {
        plugins: [pictures],
        test: {
          name: "unit",
          include: ["tests/unit/**/*.test.{ts,tsx}"],
          environment: "jsdom",
          setupFiles: ["tests/unit/setup.ts"],
          restoreMocks: true,
        },
      },
      { test: { name: "measure", include: ["tests/measure/**/*.test.ts"], environment: "node" } },
      {
        test: {
          name: "browser",
          include: ["tests/browser/**/*.test.ts"],
          environment: "node",
          // One browser, one server: what is measured in one test must not be disturbed by another.
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          expect: { poll: { timeout: 30_000 } },
        },
      },
    ],
  },
});
