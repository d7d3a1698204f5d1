/** A language: the texts of its catalogue, its formats, and what it calls the words of the API. */

import { createInstance, type ParseKeys, type Resource, type TFunction } from "i18next";
import { createFormats, type Formats } from "../lib/format.ts";
import { type Code, LANGUAGES } from "./languages.ts";
import { type Translate, translator } from "./sentences.ts";

/** A key of the catalogues. */
export type TextKey = ParseKeys;

export interface Language {
  code: Code;
  t: TFunction;
  format: Formats;
  /** A sentence of the API in this language, or as it is if it has no translation. */
  sentence: Translate;
  /** The URL of the file with the names of labels. Missing where labels are shown as they are. */
  labelsUrl?: string | undefined;
  /** The names of labels. Empty until the file has been loaded. */
  labels: ReadonlyMap<string, string>;
}

export interface ApiWords {
  /** Translations of the API's sentences. */
  sentences?: Record<string, string>;
  labelsUrl?: string;
}

type Catalogue = Resource[string][string];

/** Returns a language with the texts of a catalogue. */
export function createLanguage(code: Code, catalogue: Catalogue, words: ApiWords = {}): Language {
  const i18next = createInstance();
  i18next.init({
    lng: code,
    fallbackLng: false,
    resources: { [code]: { translation: catalogue } },
    // The catalogue is here, so the texts can be used at once.
    initAsync: false,
    // Preact and Astro escape.
    interpolation: { escapeValue: false },
  });
  const { t } = i18next;
  return {
    code,
    t,
    format: createFormats(LANGUAGES[code].locale, t),
    sentence: translator(words.sentences ?? {}),
    labelsUrl: words.labelsUrl,
    labels: new Map(),
  };
}

/** A text with one link in it, split at its tags: the words before the link, in it, and after it. */
export function aroundLink(text: string): [string, string, string] {
  const [before = "", link = "", after = ""] = text.split(/<\/?a>/);
  return [before, link, after];
}
