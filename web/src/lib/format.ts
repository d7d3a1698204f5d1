/** Formats numbers and labels for the page. */

import type { Answer } from "./api.ts";

/** A label as words: `Egyptian_cat` is "Egyptian cat". */
export function words(label: string): string {
  return label.replaceAll("_", " ");
}

/** The answer in short: its first label, as words. */
export function heading({ predictions: [first] }: Answer): string {
  return first ? words(first.label) : "Nothing recognized";
}

/** A probability in per cent, with one decimal. */
export function percent(confidence: number): string {
  return `${(confidence * 100).toFixed(1)} %`;
}

/** Bytes in the largest decimal unit that gives a number of at least 1. */
export function bytes(count: number): string {
  if (count < 1000) {
    return `${count} bytes`;
  }
  const [value, unit] = count < 1_000_000 ? [count / 1000, "kB"] : [count / 1_000_000, "MB"];
  return `${value.toFixed(value < 10 ? 1 : 0)} ${unit}`;
}

/** Milliseconds, with one decimal below 10. Seconds from 1000 ms on. */
export function duration(milliseconds: number): string {
  if (milliseconds >= 1000) {
    return `${(milliseconds / 1000).toFixed(1)} s`;
  }
  return `${milliseconds.toFixed(milliseconds < 10 ? 1 : 0)} ms`;
}
