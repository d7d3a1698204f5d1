/** The size of sent photographs: large ones are shrunk first, because a model reads far fewer pixels, such as 224 x 224. */

/** The least short side of the sent picture, in pixels. */
export const SHORT_SIDE = 896;
/** The least short side of the sent picture, in sides of the model's input. */
const INPUTS = 4;

export interface Size {
  width: number;
  height: number;
}

/** The short side to which photographs are shrunk for a model with this input, in pixels. */
export function shortSideFor(input: Size | undefined): number {
  return Math.max(SHORT_SIDE, INPUTS * Math.max(input?.width ?? 0, input?.height ?? 0));
}

/** The size to shrink a picture to, or undefined if it is small enough. */
export function smaller({ width, height }: Size, shortSide: number): Size | undefined {
  const short = Math.min(width, height);
  if (short <= shortSide) {
    return undefined;
  }
  const scale = shortSide / short;
  return { width: Math.round(width * scale), height: Math.round(height * scale) };
}
