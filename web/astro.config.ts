import react from "@astrojs/react";
import { defineConfig } from "astro/config";
import { contentSecurityPolicy } from "./tools/content-security-policy.ts";
import { precompress } from "./tools/precompress.ts";
import { relativeUrls } from "./tools/relative-urls.ts";

export default defineConfig({
  // `/docs` is `docs.html`. Every page is at the root, because the relative URLs of scripts require it.
  build: { format: "file", inlineStylesheets: "never" },
  trailingSlash: "never",
  devToolbar: { enabled: false },
  server: { host: "localhost", port: 4321 },
  integrations: [react(), relativeUrls(), contentSecurityPolicy(), precompress()],
  vite: {
    // The sample pictures and the licence lie in the repository, outside of this folder.
    server: { fs: { allow: [".."] } },
    build: { assetsInlineLimit: 0 },
  },
});
