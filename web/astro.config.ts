import react from "@astrojs/react";
import { defineConfig } from "astro/config";
import { contentSecurityPolicy } from "./tools/content-security-policy.ts";
import { precompress } from "./tools/precompress.ts";

export default defineConfig({
  // `/docs` is `docs.html`: no folder a page, and no trailing slash.
  build: { format: "file", inlineStylesheets: "never" },
  trailingSlash: "never",
  devToolbar: { enabled: false },
  server: { host: "localhost", port: 4321 },
  integrations: [react(), contentSecurityPolicy(), precompress()],
  vite: {
    // The sample pictures and the licence are those of the repository.
    server: { fs: { allow: [".."] } },
    build: { assetsInlineLimit: 0 },
  },
});
