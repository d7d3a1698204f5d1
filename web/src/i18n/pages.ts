/** The languages for Astro's pages. The island must not import this: it would load both catalogues. */

import en from "./en.json";
import { createLanguage } from "./language.ts";
import zh from "./zh.json";

export const english = createLanguage("en", en);
export const chinese = createLanguage("zh", zh);
