/** Shrinks large photographs before they are sent, because a model reads far fewer pixels, such as 224 x 224. */

/** The least short side of the sent picture, in pixels. */
export const SHORT_SIDE = 896;
/** The least short side of the sent picture, in sides of the model's input. */
const INPUTS = 4;
/** The quality of the sent JPEG, 0 to 1. */
export const QUALITY = 0.92;

/** Formats of large photographs. GIF is missing, because GIFs are rarely photographs and then small. */
const LEFT_ALONE = new Set(["image/gif"]);

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

/**
 * A smaller, upright JPEG of a photograph. Returns the file itself if it is small, if the JPEG is no smaller, if the browser
 * can't decode it, or if it has transparent pixels: the server reads their colours, and a canvas loses them.
 */
export async function shrink(file: Blob, shortSide: number): Promise<Blob> {
  if (LEFT_ALONE.has(file.type)) {
    return file;
  }
  let bitmap: ImageBitmap | undefined;
  try {
    // The server ignores colour profiles too.
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image", colorSpaceConversion: "none" });
    const size = smaller(bitmap, shortSide);
    const jpeg = size && (await draw(bitmap, size));
    return jpeg && jpeg.size < file.size ? jpeg : file;
  } catch {
    return file;
  } finally {
    bitmap?.close();
  }
}

async function draw(bitmap: ImageBitmap, { width, height }: Size): Promise<Blob | null> {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  if (!context) {
    return null;
  }
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width, height);
  if (!isOpaque(context.getImageData(0, 0, width, height).data)) {
    return null;
  }
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
}

/** `pixels` are RGBA bytes. */
export function isOpaque(pixels: Uint8ClampedArray): boolean {
  for (let alpha = 3; alpha < pixels.length; alpha += 4) {
    if (pixels[alpha] !== 255) {
      return false;
    }
  }
  return true;
}
