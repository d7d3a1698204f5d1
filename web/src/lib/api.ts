/** The server's API, as this page uses it: which model answers, and the analysis of one picture. */

import { unlessAborted } from "./abort.ts";
import { failureOf, failures } from "./failure.ts";
import { base64Length, readAsBase64 } from "./files.ts";
import { readKey } from "./key.ts";
import { parseServerTiming, type Timing } from "./serverTiming.ts";

/** Where the API is. By default relative to the page, which a proxy may serve below a path of its own. */
export const BASE = (import.meta.env.PUBLIC_API_URL ?? "").replace(/\/$/, "") || ".";

/** What stands around the picture in a request's body. */
const BEGIN = '{"base64Image":"';
const END = '"}';

/** No byte has moved for so long: the connection is taken for dead. In milliseconds. */
const STALLED_AFTER = 30_000;
/**
 * What the answer may take beyond the server's own limit. In milliseconds. As much as for a dead connection: "sent" is what has
 * left the browser, and on a slow one it is long on its way.
 */
const GRACE = STALLED_AFTER;
/** The server's own limit where it is not known. In milliseconds. */
const USUAL_TIMEOUT = 30_000;

export interface Prediction {
  label: string;
  /** A probability, 0 to 1. */
  confidence: number;
}

export interface Answer {
  /** The most likely labels, highest first. */
  predictions: Prediction[];
  /** Where the server's time went. */
  timings: Timing[];
}

/** What the server takes: bytes of a body, pixels of a picture, milliseconds of waiting and work. */
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
  limits: Limits;
}

export interface AnalyzeOptions {
  signal: AbortSignal;
  limits?: Limits | undefined;
  /** Told how much of the body has been sent, 0 to 1, and its size in bytes. */
  onUpload?: (fraction: number, bytes: number) => void;
  /** Told once, when all of it has been sent. */
  onUploaded?: () => void;
}

export function analyzeUrl(): string {
  return `${BASE}/api/v1/analyze`;
}

export async function describeModel(signal: AbortSignal): Promise<Model> {
  const response = await fetch(`${BASE}/api/v1/model`, { signal });
  if (!response.ok) {
    throw new Error(`the model is not described: ${response.status}`);
  }
  return (await response.json()) as Model;
}

/**
 * Asks the server what is in a picture.
 *
 * @throws {Failure} in the words for whoever looks at the page; the signal's reason where it is aborted.
 */
export async function analyze(picture: Blob, options: AnalyzeOptions): Promise<Answer> {
  // Before it is read: what is far too large does not fit into memory either.
  const size = BEGIN.length + base64Length(picture.size) + END.length;
  const limit = options.limits?.bodyBytes;
  if (limit !== undefined && size > limit) {
    throw failures.tooLarge(size, limit);
  }
  const base64 = await unlessAborted(readAsBase64(picture), options.signal);
  return send(new Blob([BEGIN, base64, END], { type: "application/json" }), options);
}

/** `fetch` does not tell how much of a body has been sent; XMLHttpRequest does. */
function send(body: Blob, options: AnalyzeOptions): Promise<Answer> {
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
    request.onerror = () => reject(failures.offline());
    request.onabort = () => reject(signal.reason);
    request.onloadend = () => {
      patience.stop();
      signal.removeEventListener("abort", abort);
    };
    request.open("POST", analyzeUrl());
    request.setRequestHeader("Content-Type", "application/json");
    const key = readKey();
    if (key) {
      request.setRequestHeader("Authorization", `Bearer ${key}`);
    }
    patience.wait(STALLED_AFTER);
    request.send(body);
  });
}

function answerOf(request: XMLHttpRequest): Answer {
  if (request.status !== 200) {
    throw failureOf(request.status, request.responseText, request.getResponseHeader("Retry-After"));
  }
  const predictions = parsePredictions(request.responseText);
  return { predictions, timings: parseServerTiming(request.getResponseHeader("Server-Timing")) };
}

function parsePredictions(text: string): Prediction[] {
  try {
    const list: unknown = JSON.parse(text);
    if (Array.isArray(list) && list.length > 0 && list.every(isPrediction)) {
      return list;
    }
  } catch {
    // What is no JSON is no answer either.
  }
  throw failures.notOurs();
}

function isPrediction(value: unknown): value is Prediction {
  const prediction = value as Prediction | null;
  return typeof prediction?.label === "string" && typeof prediction.confidence === "number";
}

/** Calls back when nothing has happened for as long as it was last told to wait. */
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
