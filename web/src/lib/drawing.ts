/** Draws smaller copies of pictures. Runs in a worker where the browser can, and in the page otherwise. */

import { type Size, smaller } from "./shrink.ts";

/** The quality of a sent JPEG, 0 to 1. */
export const QUALITY = 0.92;
/** Of a thumbnail. */
const THUMBNAIL_QUALITY = 0.8;
/** The size of a thumbnail in pixels: that of a cell of the gallery on a screen with two pixels for each of CSS. */
const THUMBNAIL: Size = { width: 256, height: 192 };

/** Formats of large photographs. GIF is missing, because GIFs are rarely photographs and then small. */
const LEFT_ALONE = new Set(["image/gif"]);

export interface Wanted {
  /** The short side to which a large photograph is shrunk, in pixels. Undefined for a picture that is sent as it is. */
  shortSide?: number | undefined;
  /** Whether to draw a thumbnail. */
  thumbnail: boolean;
}

export interface Drawn {
  /** A smaller, upright JPEG. Missing if the file itself is to be sent. */
  picture?: Blob | undefined;
  /** Missing if the browser can't decode the file. */
  thumbnail?: Blob | undefined;
}

/**
 * Draws what is wanted of a picture, which is decoded once.
 *
 * It is not made smaller if it is small, if the JPEG is no smaller, if the browser can't decode it, or if it has transparent
 * pixels: the server reads their colours, and a canvas loses them.
 */
export async function draw(file: Blob, { shortSide, thumbnail }: Wanted): Promise<Drawn> {
  let bitmap: ImageBitmap | undefined;
  try {
    // The server ignores colour profiles too.
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image", colorSpaceConversion: "none" });
    return {
      picture: shortSide === undefined ? undefined : await shrunk(file, bitmap, shortSide),
      thumbnail: thumbnail ? await thumbnailOf(bitmap) : undefined,
    };
  } catch {
    return {};
  } finally {
    bitmap?.close();
  }
}

async function shrunk(file: Blob, bitmap: ImageBitmap, shortSide: number): Promise<Blob | undefined> {
  const size = LEFT_ALONE.has(file.type) ? undefined : smaller(bitmap, shortSide);
  if (!size) {
    return undefined;
  }
  const canvas = createCanvas(size);
  canvas.context.drawImage(bitmap, 0, 0, size.width, size.height);
  if (!isOpaque(canvas.context.getImageData(0, 0, size.width, size.height).data)) {
    return undefined;
  }
  const jpeg = await canvas.toJpeg(QUALITY);
  return jpeg && jpeg.size < file.size ? jpeg : undefined;
}

/** The middle of a picture in the shape of a thumbnail, on white. */
async function thumbnailOf(bitmap: ImageBitmap): Promise<Blob | undefined> {
  const { width, height } = THUMBNAIL;
  const scale = Math.max(width / bitmap.width, height / bitmap.height);
  const part = { width: width / scale, height: height / scale };
  const { context, toJpeg } = createCanvas(THUMBNAIL);
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  const [left, top] = [(bitmap.width - part.width) / 2, (bitmap.height - part.height) / 2];
  context.drawImage(bitmap, left, top, part.width, part.height, 0, 0, width, height);
  return (await toJpeg(THUMBNAIL_QUALITY)) ?? undefined;
}

interface Canvas {
  context: OffscreenCanvasRenderingContext2D | CanvasRenderingContext2D;
  toJpeg: (quality: number) => Promise<Blob | null>;
}

/** @throws if the browser gives no canvas. */
function createCanvas({ width, height }: Size): Canvas {
  const type = "image/jpeg";
  if (typeof OffscreenCanvas === "function") {
    const canvas = new OffscreenCanvas(width, height);
    return {
      context: smooth(canvas.getContext("2d")),
      toJpeg: (quality) => canvas.convertToBlob({ type, quality }),
    };
  }
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  return {
    context: smooth(canvas.getContext("2d")),
    toJpeg: (quality) => new Promise((resolve) => canvas.toBlob(resolve, type, quality)),
  };
}

function smooth<Context extends Canvas["context"]>(context: Context | null): Context {
  if (!context) {
    throw new Error("there is no canvas");
  }
  context.imageSmoothingQuality = "high";
  return context;
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
