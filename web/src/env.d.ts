/// <reference types="astro/client" />

interface ImportMetaEnv {
  /** Where the API is; the page's own origin where it is empty or missing. */
  readonly PUBLIC_API_URL?: string;
}

interface ImportMeta {
  readonly env: ImportMetaEnv;
}
