/**
 * One session with a camera: opens it, and sends its frames one after the other until it is stopped.
 *
 * Each frame is a request of its own. HTTP keeps their connection alive, so that they all use the same one. A request with a
 * stream as its body would not do: `fetch` is half-duplex, and gives no answer before the whole body has been sent.
 */

import { unlessAborted } from "../abort.ts";
import { countDown } from "../analysis.ts";
import { type Answer, analyze, type Limits } from "../api.ts";
import { asFailure, Failure, failures, isPassing } from "../failure.ts";
import { cameraIds, nextCamera, openCamera } from "./camera.ts";
import { FrameWatch, smallFrame } from "./frames.ts";

/** The longest time to the first frame, in milliseconds. */
const FIRST_FRAME = 15_000;

export type Event =
  /** The camera is on. `other` is the id of the camera to switch to, if there is one. */
  | { name: "opened"; other: string | undefined }
  | { name: "answered"; answer: Answer; at: number; milliseconds: number }
  | { name: "busy"; failure: Failure; seconds: number }
  /** The session is over, and the camera is off. */
  | { name: "failed"; failure: Failure };

/** A wait that the server has asked for. */
export interface Wait {
  failure: Failure;
  /** Its end, on the clock of `performance.now()`. */
  until: number;
}

export interface SessionOptions {
  /** The id of the camera. Undefined for the one that the browser chooses. */
  deviceId: string | undefined;
  /** A wait that an earlier session has not seen the end of. */
  wait: Wait | undefined;
  /** Called before each frame: the short side of the frame, and the server's limits. */
  current: () => { shortSide: number; limits: Limits | undefined };
  /** Not called any more after the session has been stopped. */
  report: (event: Event) => void;
}

/**
 * Starts a session that shows the camera in `video`.
 *
 * @returns a function that stops it: the request is aborted and the camera is off when it returns.
 */
export function startSession(video: HTMLVideoElement, options: SessionOptions): () => void {
  const controller = new AbortController();
  const { signal } = controller;
  const fail = (error: unknown) => {
    if (!signal.aborted) {
      controller.abort();
      options.report({ name: "failed", failure: asFailure(error) });
    }
  };
  run(video, options, signal, fail).catch(fail);
  return () => controller.abort();
}

async function run(
  video: HTMLVideoElement,
  { deviceId, wait, current, report }: SessionOptions,
  signal: AbortSignal,
  fail: (error: unknown) => void,
): Promise<never> {
  const stream = await openCamera(deviceId, signal);
  const [track] = stream.getVideoTracks();
  // A camera that is unplugged. The event does not follow a call of `stop`.
  track?.addEventListener("ended", () => fail(failures.cameraGone()));
  video.srcObject = stream;
  signal.addEventListener("abort", () => {
    video.srcObject = null;
  });
  const watch = new FrameWatch(video, signal);
  const patience = setTimeout(() => fail(failures.cameraFailed()), FIRST_FRAME);
  // Where the browser does not start a video by itself. That it can't be started is noticed by the time.
  video.play().catch(() => {});
  await unlessAborted(watch.next(), signal).finally(() => clearTimeout(patience));
  const ids = await unlessAborted(cameraIds(), signal);
  report({ name: "opened", other: nextCamera(ids, track?.getSettings().deviceId) });

  const rest = (wait?.until ?? 0) - performance.now();
  if (wait && rest > 0) {
    const { kind, tell } = wait.failure;
    await countDown(new Failure(kind, tell, rest), signal, report);
  }

  const canvas = document.createElement("canvas");
  for (;;) {
    // The first frame of all is skipped, because browsers begin with a black one.
    await unlessAborted(watch.next(), signal);
    const { shortSide, limits } = current();
    const begun = performance.now();
    const frame = await unlessAborted(smallFrame(video, canvas, shortSide), signal);
    try {
      const answer = await analyze(frame, { signal, limits });
      const at = performance.now();
      report({ name: "answered", answer, at, milliseconds: at - begun });
    } catch (error) {
      const failure = asFailure(error);
      if (signal.aborted || !mayPass(failure)) {
        throw error;
      }
      await countDown(failure, signal, report);
    }
  }
}

/** Whether to try again: a live view outlasts a connection that is lost for a while. */
function mayPass(failure: Failure): boolean {
  return isPassing(failure) || failure.kind === "offline" || failure.kind === "timeout";
}
