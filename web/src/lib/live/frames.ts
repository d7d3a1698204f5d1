/** Frames of a playing video, as JPEGs. */

import { QUALITY } from "../drawing.ts";
import { failures } from "../failure.ts";
import { type Size, smaller } from "../shrink.ts";

/** The least short side of a sent frame, in pixels. */
const SHORT_SIDE = 448;
/** The least short side of a sent frame, in sides of the model's input. */
const INPUTS = 2;
/** The quality of a sent frame, 0 to 1. Lower than that of a photograph, because many of them are sent. */
const FRAME_QUALITY = 0.85;

/** The short side of the frames to send to a model with this input, in pixels. */
export function frameSideFor(input: Size | undefined): number {
  return Math.max(SHORT_SIDE, INPUTS * Math.max(input?.width ?? 0, input?.height ?? 0));
}

/** The size at which a frame is sent. It is never enlarged. */
export function frameSize(video: Size, shortSide: number): Size {
  return smaller(video, shortSide) ?? video;
}

/** Milliseconds after which a video that announces no frame is watched by its time. WebKitGTK may never announce one. */
const SILENT = 1_000;

/** Waits for the frames of a video until the signal aborts. No frame is given twice. */
export class FrameWatch {
  #isNew = false;
  #wake: (() => void) | undefined;

  constructor(video: HTMLVideoElement, signal: AbortSignal) {
    let time = -1;
    let isAnnounced = "requestVideoFrameCallback" in video;
    let patience: ReturnType<typeof setTimeout> | undefined;
    const note = () => {
      time = video.currentTime;
      this.#isNew = true;
      this.#wake?.();
    };
    const announced = () => {
      clearTimeout(patience);
      if (!signal.aborted && isAnnounced) {
        note();
        video.requestVideoFrameCallback(announced);
      }
    };
    // A new time of the video means a new frame.
    const look = () => {
      if (signal.aborted) {
        return;
      }
      if (video.currentTime !== time && video.videoWidth > 0) {
        note();
      }
      requestAnimationFrame(look);
    };
    const lookInstead = () => {
      isAnnounced = false;
      look();
    };
    if (isAnnounced) {
      video.requestVideoFrameCallback(announced);
      patience = setTimeout(lookInstead, SILENT);
    } else {
      look();
    }
  }

  /** Resolves at once if the frame on show has not been taken, or else with the next one. */
  async next(): Promise<void> {
    if (!this.#isNew) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#isNew = false;
  }
}

/** The frame on show, made smaller for the model. `canvas` is drawn over. */
export function smallFrame(video: HTMLVideoElement, canvas: HTMLCanvasElement, shortSide: number): Promise<Blob> {
  const size = frameSize({ width: video.videoWidth, height: video.videoHeight }, shortSide);
  return asJpeg(video, canvas, size, FRAME_QUALITY);
}

/** The frame on show in all its pixels, as a file named after the local time. */
export async function fullFrame(video: HTMLVideoElement): Promise<File> {
  const name = pictureName(new Date());
  const size = { width: video.videoWidth, height: video.videoHeight };
  const jpeg = await asJpeg(video, document.createElement("canvas"), size, QUALITY);
  return new File([jpeg], name, { type: jpeg.type });
}

/** `camera-2026-11-27-08.30.12.jpg`. No colons, because Windows allows none in file names. */
export function pictureName(time: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const date = [time.getFullYear(), two(time.getMonth() + 1), two(time.getDate())].join("-");
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(".");
  return `camera-${date}-${clock}.jpg`;
}

function asJpeg(
  video: HTMLVideoElement,
  canvas: HTMLCanvasElement,
  { width, height }: Size,
  quality: number,
): Promise<Blob> {
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d", { alpha: false });
  if (context) {
    context.imageSmoothingQuality = "high";
    context.drawImage(video, 0, 0, width, height);
  }
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(failures.ours())), "image/jpeg", quality);
  });
}
