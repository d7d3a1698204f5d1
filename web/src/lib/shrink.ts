/** Large photographs are made smaller before they are sent: the model looks at 224 x 224 pixels anyway. */

/** The short side of what is sent is no less than this, in pixels: four times the model's. */
export const SHORT_SIDE = 896;
/** Of the JPEG that is sent. */
export const QUALITY = 0.92;

/** A GIF is hardly ever a photograph, and is small where it is one. */
const LEFT_ALONE = new Set(["image/gif"]);

export interface Size {
  width: number;
  height: number;
}

/** The size to send a picture in, or nothing where it is small enough as it is. */
export function smaller({ width, height }: Size): Size | undefined {
  const short = Math.min(width, height);
  if (short <= SHORT_SIDE) {
    return undefined;
  }
  const scale = SHORT_SIDE / short;
  return { width: Math.round(width * scale), height: Math.round(height * scale) };
}

/**
 * A smaller JPEG of a photograph, upright; or the file itself where it is small, is no smaller for it,
 * has transparent parts (the server sees what is behind them, a canvas does not), or can't be decoded here.
 */
export async function shrink(file: Blob): Promise<Blob> {
  if (LEFT_ALONE.has(file.type)) {
    return file;
  }
  let bitmap: ImageBitmap | undefined;
  try {
    // The server does not look at colour profiles either.
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image", colorSpaceConversion: "none" });
    const size = smaller(bitmap);
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

/** `pixels` are red, green, blue, alpha. */
export function isOpaque(pixels: Uint8ClampedArray): boolean {
  for (let alpha = 3; alpha < pixels.length; alpha += 4) {
    if (pixels[alpha] !== 255) {
      return false;
    }
  }
  return true;
}
