/** Which pictures of a visit the gallery shows, and in which order. */

import type { Language } from "../../i18n/language.ts";
import { LANGUAGES } from "../../i18n/languages.ts";
import type { Prediction } from "../api.ts";
import { pathOf } from "../files.ts";
import { labelName, labelWords } from "../labels.ts";
import type { Picture } from "../visit.ts";

export const STATES = ["all", "answered", "failed", "open"] as const;
export type State = (typeof STATES)[number];

export const ORDERS = ["added", "name", "label", "surest", "leastSure"] as const;
export type Order = (typeof ORDERS)[number];

export interface Choice {
  /** A part of the first label, in the page's language or as the API names it. Empty for any. */
  label: string;
  /** The least confidence of the first label, 0 to 1. */
  confidence: number;
  state: State;
  order: Order;
}

export const EVERYTHING: Choice = { label: "", confidence: 0, state: "all", order: "added" };

/** Returns the pictures of a choice, in its order. Those without a label come last where the order is by label. */
export function chosen(pictures: Picture[], choice: Choice, language: Language): Picture[] {
  const wanted = choice.label.trim().toLowerCase();
  const isWanted = (picture: Picture) => {
    const first = firstOf(picture);
    return (
      isIn(picture, choice.state) &&
      (choice.confidence === 0 || percent(first?.confidence ?? 0) >= percent(choice.confidence)) &&
      (wanted === "" || (first !== undefined && isNamed(first.label, wanted, language)))
    );
  };
  return ordered(pictures.filter(isWanted), choice.order, language);
}

/** The names of all first labels with the number of their pictures, the most frequent first. */
export function labelsOf(pictures: Picture[], language: Language): [string, number][] {
  const counts = new Map<string, number>();
  for (const picture of pictures) {
    const first = firstOf(picture);
    if (first) {
      const name = labelName(first.label, language);
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }
  return [...counts].sort(([, a], [, b]) => b - a);
}

export function firstOf({ phase }: Picture): Prediction | undefined {
  return phase.name === "answered" ? phase.answer.predictions[0] : undefined;
}

/** Whole per cent, as a confidence is shown. */
function percent(fraction: number): number {
  return Math.round(fraction * 100);
}

function isIn({ phase }: Picture, state: State): boolean {
  switch (state) {
    case "all":
      return true;
    case "open":
      return phase.name !== "answered" && phase.name !== "failed";
    default:
      return phase.name === state;
  }
}

function isNamed(label: string, wanted: string, language: Language): boolean {
  return [labelName(label, language), labelWords(label)].some((name) => name.toLowerCase().includes(wanted));
}

function ordered(pictures: Picture[], order: Order, language: Language): Picture[] {
  // Pictures without a label stand behind all others, in either direction.
  const confidence = (picture: Picture, missing: number) => firstOf(picture)?.confidence ?? missing;
  const name = (picture: Picture) => {
    const first = firstOf(picture);
    return first && labelName(first.label, language);
  };
  if (order === "added") {
    return pictures;
  }
  const { compare } = new Intl.Collator(LANGUAGES[language.code].locale, { numeric: true });
  switch (order) {
    case "name":
      return pictures.toSorted((a, b) => compare(pathOf(a.file), pathOf(b.file)));
    case "label":
      return pictures
        .map((picture) => ({ picture, name: name(picture) }))
        .sort((a, b) => (a.name && b.name ? compare(a.name, b.name) : Number(!a.name) - Number(!b.name)))
        .map(({ picture }) => picture);
    case "surest":
      return pictures.toSorted((a, b) => confidence(b, -1) - confidence(a, -1));
    case "leastSure":
      return pictures.toSorted((a, b) => confidence(a, 2) - confidence(b, 2));
  }
}
