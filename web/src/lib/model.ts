/** What the page knows of the models that serve, and its texts about them. */

import type { Language } from "../i18n/language.ts";
import type { Model } from "./api.ts";
import type { Picture } from "./visit.ts";

/** The number of labels in the answer of a model that is not multi-label. */
const USUAL_LABELS = 3;

export interface Known {
  /** The model that serves, or undefined until the server has answered. */
  model: Model | undefined;
  /** The models that served before, by their revision. */
  earlier: Record<string, Model>;
  /** The model of the last change that can be seen on the page, if there was one. */
  change: Model | undefined;
}

export const NOTHING: Known = { model: undefined, earlier: {}, change: undefined };

/** Takes the server's description of the model that serves. */
export function learn({ model: before, earlier, change }: Known, model: Model): Known {
  if (!before) {
    return { model, earlier, change };
  }
  return {
    model,
    earlier: before.revision === undefined ? earlier : { ...earlier, [before.revision]: before },
    change: shown(before) === shown(model) ? change : model,
  };
}

/** The part of a description that the page shows, to compare models by. */
function shown({ name, version, licence, labels, multiLabel = false, threshold = 0 }: Model): string {
  return JSON.stringify([name, version, licence, labels, multiLabel, threshold]);
}

/** The model that answered for a picture, if another one serves now. */
export function earlierModel({ model, earlier }: Known, { phase }: Picture): Model | undefined {
  const revision = phase.name === "answered" ? phase.answer.revision : undefined;
  return revision === undefined || revision === model?.revision ? undefined : earlier[revision];
}

export function named({ name, version }: Model, { t }: Language): string {
  return t("model.name", { name, version });
}

/** The model's name, licence and labels. */
export function described(model: Model, language: Language): string {
  const { t } = language;
  return t("model.description", {
    name: named(model, language),
    licence: model.licence,
    choice: choice(model, language),
  });
}

/** The labels that an answer has. */
function choice({ labels, multiLabel = false, threshold = 0 }: Model, { t, format }: Language): string {
  const number = format.number(labels);
  if (multiLabel) {
    return t("model.above", { count: labels, number, percent: format.threshold(threshold) });
  }
  return labels > USUAL_LABELS ? t("model.top", { number }) : t("model.all", { count: labels, number });
}
