/** The colours of a map over a photograph. */

/**
 * Viridis, from weak to strong, as red, green and blue. Its steps look even, to people with a colour vision deficiency as well.
 * From Matplotlib, https://bids.github.io/colormap/, CC0.
 */
const VIRIDIS = [
  [68, 1, 84],
  [65, 68, 135],
  [42, 120, 142],
  [34, 168, 132],
  [122, 209, 81],
  [253, 231, 37],
] as const;

/** The values between which a map goes from transparent to opaque. Below, the photograph is seen as it is. */
const CLEAR = 0.1;
const OPAQUE = 0.9;

/** Returns the pixels of a map with these values, as red, green, blue and alpha. */
export function painted(values: Float32Array): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint8ClampedArray(values.length * 4);
  values.forEach((value, index) => {
    pixels.set(colour(value), index * 4);
  });
  return pixels;
}

/** The colour of a value from 0 to 1: red, green, blue and alpha, each from 0 to 255. */
export function colour(value: number): [number, number, number, number] {
  const position = value * (VIRIDIS.length - 1);
  const step = Math.min(VIRIDIS.length - 2, Math.floor(position));
  const [from, to] = [VIRIDIS[step] ?? VIRIDIS[0], VIRIDIS[step + 1] ?? VIRIDIS[0]];
  const mix = (channel: 0 | 1 | 2) => Math.round(from[channel] + (to[channel] - from[channel]) * (position - step));
  return [mix(0), mix(1), mix(2), Math.round(255 * opacity(value))];
}

function opacity(value: number): number {
  const share = Math.min(1, Math.max(0, (value - CLEAR) / (OPAQUE - CLEAR)));
  return share ** 2 * (3 - 2 * share);
}
