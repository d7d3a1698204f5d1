/** The URLs that the service worker knows, below the root of the site, and their languages. */

import { type Code, LANGUAGES } from "../i18n/languages.ts";
import { PATH, SHARE, SHARED } from "../lib/shareTarget.ts";

/** The language that a visitor of `url` gets. `/` chooses it in the same way: see `src/pages/index.astro`. */
export function languageOf({ pathname, searchParams }: URL, preferred: readonly string[]): Code {
  if (pathname.endsWith(LANGUAGES.zh.home)) {
    return "zh";
  }
  const known = preferred.map((tag) => tag.toLowerCase().split("-")[0]).find((code) => code === "en" || code === "zh");
  return (searchParams.get("lang") ?? known) === "zh" ? "zh" : "en";
}

/** The page that says that there is no connection. */
export function offlinePage(root: string, code: Code): string {
  return new URL(`./offline-${code}`, root).href;
}

/** Whether `url` is where the share menu sends its form. */
export function isShare(root: string, url: URL): boolean {
  return url.pathname === new URL(PATH, root).pathname && url.searchParams.has(SHARE);
}

/** The page that takes the shared files of this id. */
export function sharedPage(root: string, code: Code, id: string): string {
  const page = new URL(`.${LANGUAGES[code].home}`, root);
  page.searchParams.set(SHARED, id);
  return page.href;
}
