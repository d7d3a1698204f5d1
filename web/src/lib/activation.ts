/** Class activation maps: where in a picture the evidence for a label lies. */

import type { TextKey } from "../i18n/language.ts";

/** The map of a label, as `explain=true` gives it. */
export interface Activation {
  rows: number;
  columns: number;
  /** Row by row, from the upper left, 0 to 1. 1 is the strongest evidence for this label in this picture. */
  values: number[];
  /** The part of the upright picture that the model saw. */
  window: Area;
}

/** A part of a picture, in fractions of its width and height. */
export interface Area {
  left: number;
  top: number;
  width: number;
  height: number;
}

export interface Size {
  width: number;
  height: number;
}

/** The longer side of a drawn map, in pixels. The browser scales it up, and a map has no finer detail. */
const DRAWN = 320;

/** The spread of a map, in that of an even one, from which its evidence counts as all over the picture. */
const EVEN = 0.85;

/** The names of the nine parts of a picture, row by row. */
const PLACES = [
  ["why.upperLeft", "why.top", "why.upperRight"],
  ["why.left", "why.centre", "why.right"],
  ["why.lowerLeft", "why.bottom", "why.lowerRight"],
] as const satisfies TextKey[][];

export type Place = (typeof PLACES)[number][number];

export function isActivation(value: unknown): value is Activation {
  const map = value as Partial<Activation> | null;
  const area: Partial<Area> = map?.window ?? {};
  return (
    Array.isArray(map?.values) &&
    map.values.every(isNumber) &&
    map.values.length > 0 &&
    map.values.length === (map.rows ?? 0) * (map.columns ?? 0) &&
    [area.left, area.top, area.width, area.height].every(isNumber)
  );
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

/** The size of the canvas for a picture: the same aspect ratio, in at most `DRAWN` pixels. */
export function canvasSize({ width, height }: Size): Size {
  const scale = DRAWN / Math.max(width, height);
  const pixels = (length: number) => Math.max(1, Math.round(length * scale));
  return { width: pixels(width), height: pixels(height) };
}

/** The pixels of a canvas that a part of the picture takes. */
export function placed({ left, top, width, height }: Area, canvas: Size): Area {
  const start = { left: Math.round(left * canvas.width), top: Math.round(top * canvas.height) };
  const end = { right: Math.round((left + width) * canvas.width), bottom: Math.round((top + height) * canvas.height) };
  return { ...start, width: Math.max(1, end.right - start.left), height: Math.max(1, end.bottom - start.top) };
}

/**
 * Enlarges a map by bicubic interpolation. A cell's value is that of its centre.
 *
 * @returns values from 0 to 1, row by row
 */
export function enlarge({ rows, columns, values }: Activation, { width, height }: Size): Float32Array {
  const across = taps(columns, width);
  const down = taps(rows, height);
  const wide = new Float32Array(rows * width);
  for (let row = 0; row < rows; row += 1) {
    for (const [x, { at, weights }] of across.entries()) {
      wide[row * width + x] = weights.reduce(
        (sum, weight, tap) => sum + weight * (values[row * columns + (at[tap] ?? 0)] ?? 0),
        0,
      );
    }
  }
  const large = new Float32Array(width * height);
  for (const [y, { at, weights }] of down.entries()) {
    for (let x = 0; x < width; x += 1) {
      const sum = weights.reduce((sum, weight, tap) => sum + weight * (wide[(at[tap] ?? 0) * width + x] ?? 0), 0);
      large[y * width + x] = Math.min(1, Math.max(0, sum));
    }
  }
  return large;
}

interface Taps {
  /** The four nearest cells. Beyond an edge, the cell at the edge counts again. */
  at: number[];
  weights: number[];
}

/** The cells and weights of each of `length` pixels along an axis with `cells` cells. */
function taps(cells: number, length: number): Taps[] {
  return Array.from({ length }, (_, pixel) => {
    const position = ((pixel + 0.5) / length) * cells - 0.5;
    const first = Math.floor(position) - 1;
    const near = [first, first + 1, first + 2, first + 3];
    return {
      at: near.map((cell) => Math.min(cells - 1, Math.max(0, cell))),
      weights: near.map((cell) => cubic(position - cell)),
    };
  });
}

/** The filter of Mitchell and Netravali, "Reconstruction Filters in Computer Graphics" (1988), with B = C = 1/3. */
function cubic(distance: number): number {
  const x = Math.abs(distance);
  if (x < 1) {
    return (7 * x ** 3 - 12 * x ** 2 + 16 / 3) / 6;
  }
  return x < 2 ? ((-7 / 3) * x ** 3 + 12 * x ** 2 - 20 * x + 32 / 3) / 6 : 0;
}

/** Where most of a map's evidence lies. "even" for all over the picture, "none" for a map without evidence. */
export function whereabouts({ rows, columns, values, window }: Activation): Place | "even" | "none" {
  // Squares, so that weak evidence over a large part does not outweigh the strongest.
  const weights = values.map((value) => value ** 2);
  const sum = weights.reduce((all, weight) => all + weight, 0);
  if (sum === 0) {
    return "none";
  }
  const mean = (of: (index: number) => number) =>
    weights.reduce((all, weight, index) => all + weight * of(index), 0) / sum;
  const across = (index: number) => ((index % columns) + 0.5) / columns;
  const down = (index: number) => (Math.floor(index / columns) + 0.5) / rows;
  const [x, y] = [mean(across), mean(down)];
  const spread = mean((index) => (across(index) - x) ** 2 + (down(index) - y) ** 2);
  if (spread > EVEN ** 2 * (evenSpread(columns) + evenSpread(rows))) {
    return "even";
  }
  return PLACES[third(window.top + y * window.height)][third(window.left + x * window.width)];
}

/** The variance of the centres of equal cells along an axis of length 1. */
function evenSpread(cells: number): number {
  return (1 - 1 / cells ** 2) / 12;
}

function third(position: number): 0 | 1 | 2 {
  return position < 1 / 3 ? 0 : position > 2 / 3 ? 2 : 1;
}
