import { defineConfig } from "vitest/config";

/** Imports of pictures return what they return on the site. Astro's plugin does not run in tests. */
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
          testTimeout: 30_000,
          restoreMocks: true,
        },
      },
      { test: { name: "measure", include: ["tests/measure/**/*.test.ts"], environment: "node" } },
      {
        test: {
          name: "browser",
          include: ["tests/browser/**/*.test.ts"],
          environment: "node",
          // One file at a time, because concurrent files would disturb each other's measurements.
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          expect: { poll: { timeout: 30_000 } },
        },
      },
    ],
  },
});
