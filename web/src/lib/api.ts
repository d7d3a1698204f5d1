/** The part of the server's API that this page uses: the served model, and the analysis of a picture. */

import { unlessAborted } from "./abort.ts";
import { type Activation, isActivation } from "./activation.ts";
import { Failure, failureOf, failures } from "./failure.ts";
import { checkReadable, mediaType } from "./files.ts";
import { readKey } from "./key.ts";
import { parseServerTiming, type Timing } from "./serverTiming.ts";

/** The base of the API's URLs. Relative to the page by default, because a proxy may serve the page below a path. */
export const BASE = (import.meta.env.PUBLIC_API_URL ?? "").replace(/\/$/, "") || ".";

/** Milliseconds without progress after which the connection counts as dead. */
const STALLED_AFTER = 30_000;
/**
 * Milliseconds that the answer may take beyond the server's own limit. As long as for a dead connection, because bytes that
 * have left the browser may still be under way on a slow connection.
 */
const GRACE = STALLED_AFTER;
/** The assumed limit of the server while it is unknown, in milliseconds. */
const USUAL_TIMEOUT = 30_000;
const BAD_REQUEST = 400;

export interface Prediction {
  label: string;
  /** A probability, 0 to 1. */
  confidence: number;
  /** Where the evidence for it lies. Only where the page asked for it, and of the first ten labels. */
  activation?: Activation;
}

export interface Answer {
  /** The labels, highest first. Empty where none reaches the threshold of a multi-label model. */
  predictions: Prediction[];
  /** The times of the server's stages. */
  timings: Timing[];
  /** The revision of the model that answered. Older servers do not tell it. */
  revision?: string | undefined;
}

/** The server's limits: bytes of a body, pixels of a picture, milliseconds of waiting and work. */
export interface Limits {
  bodyBytes: number;
  pixels: number;
  timeoutMs: number;
}

export interface Model {
  name: string;
  version: string;
  source: string;
  licence: string;
  /** The size to which the server resizes a picture, in pixels. */
  input: { width: number; height: number };
  /** The number of its labels. */
  labels: number;
  /** Whether the model is multi-label: an answer then has all labels that reach `threshold`. Missing on older servers. */
  multiLabel?: boolean;
  /** 0 to 1. */
  threshold?: number;
  /** The size of its maps. Missing or null where it has none. */
  activation?: { rows: number; columns: number } | null;
  /** A text that differs from that of every other model. */
  revision?: string;
  limits: Limits;
  /** The formats that the server decodes, as media types and endings of file names. */
  formats: string[];
}

export interface AnalyzeOptions {
  signal: AbortSignal;
  limits?: Limits | undefined;
  /** Whether to ask for the maps of the labels. A model without maps refuses that. */
  explains?: boolean;
  /** Called with the share of the file that has been sent, 0 to 1, and its size in bytes. */
  onUpload?: (fraction: number, bytes: number) => void;
  /** Called once, when the whole file has been sent. */
  onUploaded?: () => void;
}

export function analyzeUrl(explains = false): string {
  return `${BASE}/api/v1/analyze${explains ? "?explain=true" : ""}`;
}

export async function describeModel(signal: AbortSignal): Promise<Model> {
  // A cache would answer with the model that served before.
  const response = await fetch(`${BASE}/api/v1/model`, { signal, cache: "no-store" });
  if (!response.ok) {
    throw new Error(`the model is not described: ${response.status}`);
  }
  return (await response.json()) as Model;
}

/**
 * Sends a picture for analysis. The file is the body of the request.
 *
 * @throws {Failure} with the texts for the page. On abort, throws the signal's reason.
 */
export async function analyze(picture: Blob, options: AnalyzeOptions): Promise<Answer> {
  const limit = options.limits?.bodyBytes;
  if (limit !== undefined && picture.size > limit) {
    throw failures.tooLarge(picture.size, limit);
  }
  await unlessAborted(checkReadable(picture), options.signal);
  try {
    return await send(picture, options);
  } catch (error) {
    // Another model may serve by now, one without maps.
    if (options.explains && error instanceof Failure && error.status === BAD_REQUEST) {
      return send(picture, { ...options, explains: false });
    }
    throw error;
  }
}

/** Sends with XMLHttpRequest, because `fetch` does not report upload progress. */
function send(picture: Blob, options: AnalyzeOptions): Promise<Answer> {
  const { signal, limits, onUpload, onUploaded } = options;
  const request = new XMLHttpRequest();
  return new Promise<Answer>((resolve, reject) => {
    const patience = new Watchdog(() => {
      reject(failures.timeout());
      request.abort();
    });
    const abort = () => request.abort();
    signal.addEventListener("abort", abort);
    request.upload.onprogress = ({ loaded, total }) => {
      patience.wait(STALLED_AFTER);
      onUpload?.(total > 0 ? loaded / total : 0, total);
    };
    request.upload.onload = () => {
      patience.wait((limits?.timeoutMs ?? USUAL_TIMEOUT) + GRACE);
      onUploaded?.();
    };
    request.onload = () => {
      try {
        resolve(answerOf(request));
      } catch (failure) {
        reject(failure);
      }
    };
    // The browser reports a file that has changed or gone since it was chosen like a broken connection.
    request.onerror = () => checkReadable(picture).then(() => reject(failures.offline()), reject);
    request.onabort = () => reject(signal.reason);
    request.onloadend = () => {
      patience.stop();
      signal.removeEventListener("abort", abort);
    };
    request.open("POST", analyzeUrl(options.explains));
    request.setRequestHeader("Content-Type", mediaType(picture));
    const key = readKey();
    if (key) {
      request.setRequestHeader("Authorization", `Bearer ${key}`);
    }
    patience.wait(STALLED_AFTER);
    request.send(picture);
  });
}

function answerOf(request: XMLHttpRequest): Answer {
  if (request.status !== 200) {
    throw failureOf(request.status, request.responseText, request.getResponseHeader("Retry-After"));
  }
  const predictions = parsePredictions(request.responseText);
  return {
    predictions,
    timings: parseServerTiming(request.getResponseHeader("Server-Timing")),
    revision: request.getResponseHeader("Model-Revision") ?? undefined,
  };
}

function parsePredictions(text: string): Prediction[] {
  try {
    const list: unknown = JSON.parse(text);
    if (Array.isArray(list) && list.every(isPrediction)) {
      return list;
    }
  } catch {
    // A body that is not JSON counts as no answer.
  }
  throw failures.notOurs();
}

function isPrediction(value: unknown): value is Prediction {
  const prediction = value as Prediction | null;
  return (
    typeof prediction?.label === "string" &&
    typeof prediction.confidence === "number" &&
    (prediction.activation === undefined || isActivation(prediction.activation))
  );
}

/** A timer that calls back once it has not been restarted for the time last set. */
class Watchdog {
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #bark: () => void;

  constructor(bark: () => void) {
    this.#bark = bark;
  }

  wait(milliseconds: number) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#bark, milliseconds);
  }

  stop() {
    clearTimeout(this.#timer);
  }
}
