/** Analyzes a file: prepares it, sends it, and retries while the server is busy. */

import { unlessAborted } from "./abort.ts";
import { type Answer, analyze, type Limits } from "./api.ts";
import { asFailure, type Failure, isPassing } from "./failure.ts";

/** The most retries while the server is busy. */
export const ATTEMPTS = 6;
/** The wait before a retry if the server names none, in milliseconds. */
const USUAL_WAIT = 2_000;
const SECOND = 1_000;

/** The phase of an analysis. */
export type Phase =
  | { name: "waiting" }
  | { name: "preparing" }
  | { name: "uploading"; fraction: number; bytes: number }
  | { name: "analyzing" }
  | { name: "busy"; failure: Failure; seconds: number }
  /** `milliseconds` is the time from the begin of sending, `sent` are bytes. */
  | { name: "answered"; answer: Answer; milliseconds: number; sent: number }
  | { name: "failed"; failure: Failure }
  | { name: "cancelled" };

export interface Options {
  signal: AbortSignal;
  /** The file as it is sent. */
  prepare: (file: File) => Promise<Blob>;
  limits?: Limits | undefined;
  /** Whether to ask for the maps of the labels. */
  explains?: boolean;
  /** Called with every phase, including the last. */
  report: (phase: Phase) => void;
}

/** Analyzes a file up to its last phase: answered, failed or cancelled. Never throws. */
export async function analyzePicture(file: File, options: Options): Promise<void> {
  const { signal, report } = options;
  try {
    report({ name: "preparing" });
    report(await answered(await unlessAborted(options.prepare(file), signal), options));
  } catch (error) {
    report(signal.aborted ? { name: "cancelled" } : { name: "failed", failure: asFailure(error) });
  }
}

async function answered(picture: Blob, options: Options): Promise<Phase> {
  const { signal, limits, explains = false, report } = options;
  for (let attempt = 1; ; attempt += 1) {
    const begun = performance.now();
    try {
      const answer = await analyze(picture, {
        signal,
        limits,
        explains,
        onUpload: (fraction, bytes) => report({ name: "uploading", fraction, bytes }),
        onUploaded: () => report({ name: "analyzing" }),
      });
      return { name: "answered", answer, milliseconds: performance.now() - begun, sent: picture.size };
    } catch (error) {
      const failure = asFailure(error);
      if (!isPassing(failure) || attempt === ATTEMPTS || signal.aborted) {
        throw error;
      }
      await countDown(failure, signal, report);
    }
  }
}

/** Waits for the time that the server named, and reports each second of it. */
export async function countDown(
  failure: Failure,
  signal: AbortSignal,
  report: (phase: Extract<Phase, { name: "busy" }>) => void,
): Promise<void> {
  const seconds = Math.max(1, Math.ceil((failure.retryAfter ?? USUAL_WAIT) / SECOND));
  for (let left = seconds; left > 0; left -= 1) {
    report({ name: "busy", failure, seconds: left });
    await pause(SECOND, signal);
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal.addEventListener("abort", stop, { once: true });
  });
}
