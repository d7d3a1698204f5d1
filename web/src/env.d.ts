/// <reference types="astro/client" />

interface ImportMetaEnv {
  /** The URL of the API. Empty or missing: the server of the page. */
  readonly PUBLIC_API_URL?: string;
}

interface ImportMeta {
  readonly env: ImportMetaEnv;
}
