/** Labels as the page shows them. */

import type { Language } from "../i18n/language.ts";
import { whereabouts } from "./activation.ts";
import type { Answer, Prediction } from "./api.ts";

/** A label of the API as words: `Egyptian_cat` is "Egyptian cat". */
export function labelWords(label: string): string {
  return label.replaceAll("_", " ");
}

/** A label in the language of the page. Its words, if it has no translation. */
export function labelName(label: string, { labels }: Language): string {
  return labels.get(label) ?? labelWords(label);
}

/** The answer in short: its first label. */
export function heading({ predictions: [first] }: Pick<Answer, "predictions">, language: Language): string {
  return first ? labelName(first.label, language) : language.t("answer.nothing");
}

/** Where in the picture most of the evidence for a label lies. Undefined without a map. */
export function whereText({ label, activation }: Prediction, language: Language): string | undefined {
  if (!activation) {
    return undefined;
  }
  const { t } = language;
  const name = labelName(label, language);
  const where = whereabouts(activation);
  switch (where) {
    case "none":
      return t("why.nowhere", { label: name });
    case "even":
      return t("why.everywhere", { label: name });
    default:
      return t("why.mostly", { label: name, place: t(where) });
  }
}
