import preact from "@astrojs/preact";
import { defineConfig } from "astro/config";
import { contentSecurityPolicy } from "./tools/content-security-policy.ts";
import { precompress } from "./tools/precompress.ts";
import { preloadModules } from "./tools/preload-modules.ts";
import { relativeUrls } from "./tools/relative-urls.ts";
import { serviceWorker } from "./tools/service-worker.ts";

export default defineConfig({
  // `/docs` is `docs.html`. Every page is at the root, because the relative URLs of scripts require it.
  build: { format: "file", inlineStylesheets: "never" },
  trailingSlash: "never",
  devToolbar: { enabled: false },
  server: { host: "localhost", port: 4321 },
  integrations: [preact(), relativeUrls(), preloadModules(), contentSecurityPolicy(), serviceWorker(), precompress()],
  vite: {
    // The sample pictures and the licence lie in the repository, outside of this folder.
    server: { fs: { allow: [".."] } },
    build: { assetsInlineLimit: 0 },
    // The scripts find the style sheets of modules that they load later relative to themselves, below any path.
    experimental: {
      renderBuiltUrl: (_, { hostType, ssr }) => (hostType === "js" && !ssr ? { relative: true } : undefined),
    },
  },
});
