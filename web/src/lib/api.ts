/** The part of the server's API that this page uses: the served model, and the analysis of a picture. */

import { unlessAborted } from "./abort.ts";
import { type Activation, isActivation } from "./activation.ts";
import { Failure, failures } from "./failure.ts";
import { checkReadable, mediaType } from "./files.ts";
import { type PostOptions, post } from "./post.ts";
import { parseServerTiming, type Timing } from "./serverTiming.ts";

/** The base of the API's URLs. Relative to the page by default, because a proxy may serve the page below a path. */
export const BASE = (import.meta.env.PUBLIC_API_URL ?? "").replace(/\/$/, "") || ".";

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

/** The server's limits: bytes of a body, pictures of a batch, pixels of a picture, milliseconds of waiting and work. */
export interface Limits {
  bodyBytes: number;
  /** Missing on older servers. */
  batch?: number;
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

export interface AnalyzeOptions extends Pick<PostOptions, "signal" | "limits" | "onUpload" | "onUploaded"> {
  /** Whether to ask for the maps of the labels. A model without maps refuses that. */
  explains?: boolean;
}

export function analyzeUrl(explains = false, route: "analyze" | "analyze/batch" = "analyze"): string {
  return `${BASE}/api/v1/${route}${explains ? "?explain=true" : ""}`;
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
  checkSize(picture, options.limits);
  await unlessAborted(checkReadable(picture), options.signal);
  try {
    return await explained(options.explains, (explains) => send(picture, explains, options));
  } catch (error) {
    if (error instanceof Failure && error.kind === "offline") {
      // The browser reports a file that has changed or gone since it was chosen like a broken connection.
      await checkReadable(picture);
    }
    throw error;
  }
}

/** @throws {Failure} if a file is larger than the server takes. */
export function checkSize({ size }: Blob, limits: Limits | undefined) {
  if (limits && size > limits.bodyBytes) {
    throw failures.tooLarge(size, limits.bodyBytes);
  }
}

/** Asks for maps, and asks again without them if that is refused: another model may serve by now, one without maps. */
export async function explained<Result>(
  explains: boolean | undefined,
  ask: (explains: boolean) => Promise<Result>,
): Promise<Result> {
  try {
    return await ask(explains ?? false);
  } catch (error) {
    if (explains && error instanceof Failure && error.status === BAD_REQUEST) {
      return ask(false);
    }
    throw error;
  }
}

async function send(picture: Blob, explains: boolean, options: AnalyzeOptions): Promise<Answer> {
  const headers = { "Content-Type": mediaType(picture) };
  const response = await post(analyzeUrl(explains), picture, { ...options, headers });
  return {
    predictions: parsePredictions(response.responseText),
    timings: parseServerTiming(response.getResponseHeader("Server-Timing")),
    revision: revisionOf(response),
  };
}

/** The revision of the model that answered. */
export function revisionOf(response: XMLHttpRequest): string | undefined {
  return response.getResponseHeader("Model-Revision") ?? undefined;
}

function parsePredictions(text: string): Prediction[] {
  try {
    const list: unknown = JSON.parse(text);
    if (arePredictions(list)) {
      return list;
    }
  } catch {
    // A body that is not JSON counts as no answer.
  }
  throw failures.notOurs();
}

export function arePredictions(value: unknown): value is Prediction[] {
  return Array.isArray(value) && value.every(isPrediction);
}

function isPrediction(value: unknown): value is Prediction {
  const prediction = value as Prediction | null;
  return (
    typeof prediction?.label === "string" &&
    typeof prediction.confidence === "number" &&
    (prediction.activation === undefined || isActivation(prediction.activation))
  );
}
