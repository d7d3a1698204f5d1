/** Smooths the answers of a live view, so that its bars and labels do not flicker. */

import type { Prediction } from "../api.ts";

/**
 * The time constant of the exponential moving average, in milliseconds: after this time, a change has come through to 63 %,
 * at any frame rate.
 */
export const TIME_CONSTANT = 500;
/** A label takes the place of another one if its confidence is higher by this factor and this difference. */
const CLEARLY = { factor: 1.25, difference: 0.02 };
/** The confidence below which a label that is no longer in the answers is dropped. */
const GONE = 0.005;

export interface Smoothed {
  /** The labels of the chart with their smoothed confidences, each in its place. */
  rows: Prediction[];
  /** The smoothed confidences of all recent labels. */
  confidences: ReadonlyMap<string, number>;
  /** The time of the last answer, in milliseconds. */
  at: number;
}

/**
 * Takes the next answer.
 *
 * @param before undefined before the first answer, whose confidences are taken as they are.
 * @param at the time of the answer, in milliseconds.
 * @param places the most rows of the chart.
 */
export function smooth(before: Smoothed | undefined, predictions: Prediction[], at: number, places: number): Smoothed {
  const targets = byLabel(predictions);
  const confidences = new Map<string, number>();
  const weight = before ? 1 - Math.exp((before.at - at) / TIME_CONSTANT) : 1;
  for (const label of new Set([...(before?.confidences.keys() ?? []), ...targets.keys()])) {
    const last = before?.confidences.get(label) ?? 0;
    const target = targets.get(label) ?? 0;
    const confidence = last + weight * (target - last);
    if (targets.has(label) || confidence >= GONE) {
      confidences.set(label, confidence);
    }
  }
  const labels = before?.rows.map(({ label }) => label) ?? [];
  return { rows: placed(labels, confidences, places), confidences, at };
}

/** Two of ImageNet's labels name two classes each. The higher confidence counts. */
function byLabel(predictions: Prediction[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const { label, confidence } of predictions) {
    found.set(label, Math.max(confidence, found.get(label) ?? 0));
  }
  return found;
}

/** Fills the places from the first to the last. A label keeps its place unless another one is clearly ahead. */
function placed(labels: string[], confidences: ReadonlyMap<string, number>, places: number): Prediction[] {
  const left = new Map([...confidences].sort(([, a], [, b]) => b - a));
  const rows: Prediction[] = [];
  while (rows.length < places) {
    const [best] = left;
    if (!best) {
      break;
    }
    const [challenger, highest] = best;
    const holder = labels[rows.length] ?? challenger;
    const held = left.get(holder);
    const stays = held !== undefined && highest <= CLEARLY.factor * held + CLEARLY.difference;
    const [label, confidence] = stays ? [holder, held] : [challenger, highest];
    rows.push({ label, confidence });
    left.delete(label);
  }
  return rows;
}
