/** What the page knows of the models that serve, and its sentences about them. */

import type { Model } from "./api.ts";
import type { Picture } from "./visit.ts";

/** The number of labels in the answer of a model that is not multi-label. */
const USUAL_LABELS = 3;

export interface Known {
  /** The model that serves, or undefined until the server has answered. */
  model: Model | undefined;
  /** The models that served before, by their revision. */
  earlier: Record<string, Model>;
  /** The sentence about the last change that can be seen on the page. */
  change: string | undefined;
}

export const NOTHING: Known = { model: undefined, earlier: {}, change: undefined };

/** Takes the server's description of the model that serves. */
export function learn({ model: before, earlier, change }: Known, model: Model): Known {
  if (!before) {
    return { model, earlier, change };
  }
  const isVisible = described(before) !== described(model);
  return {
    model,
    earlier: before.revision === undefined ? earlier : { ...earlier, [before.revision]: before },
    change: isVisible ? `Another model serves now: ${described(model)}` : change,
  };
}

/** The model that answered for a picture, if another one serves now. */
export function earlierModel({ model, earlier }: Known, { phase }: Picture): Model | undefined {
  const revision = phase.name === "answered" ? phase.answer.revision : undefined;
  return revision === undefined || revision === model?.revision ? undefined : earlier[revision];
}

export function named({ name, version }: Model): string {
  return `${name} (${version})`;
}

/** The model's name, licence and labels. */
export function described(model: Model): string {
  return `${named(model)}, ${model.licence}, with ${choice(model)}`;
}

/** The labels that an answer has. */
function choice({ labels, multiLabel = false, threshold = 0 }: Model): string {
  const all = `its ${labels} ${labels === 1 ? "label" : "labels"}`;
  if (multiLabel) {
    // The space does not break.
    return `those of ${all} that reach ${Number((threshold * 100).toFixed(1))}\u00a0%`;
  }
  return labels > USUAL_LABELS ? `the three most likely of ${all}` : all;
}
