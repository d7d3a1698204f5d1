/** Requests with a body, with progress and an end for connections that are dead. */

import type { Limits } from "./api.ts";
import { failureOf, failures } from "./failure.ts";
import { readKey } from "./key.ts";

/** Milliseconds without progress after which the connection counts as dead. */
const STALLED_AFTER = 30_000;
/**
 * Milliseconds that the answer may take beyond the server's own limit. As long as for a dead connection, because bytes that
 * have left the browser may still be under way on a slow connection.
 */
const GRACE = STALLED_AFTER;
/** The assumed limit of the server while it is unknown, in milliseconds. */
const USUAL_TIMEOUT = 30_000;

export interface PostOptions {
  signal: AbortSignal;
  limits?: Limits | undefined;
  headers?: Record<string, string>;
  /** Called with the share of the body that has been sent, 0 to 1, and its size in bytes. */
  onUpload?: ((fraction: number, bytes: number) => void) | undefined;
  /** Called once, when the whole body has been sent. */
  onUploaded?: (() => void) | undefined;
  /** Called when more of an answer has come. */
  onText?: (request: XMLHttpRequest) => void;
}

/**
 * Sends a body with the visitor's API key. Uses XMLHttpRequest, because `fetch` does not report upload progress.
 *
 * @returns the finished request, whose status is 200.
 * @throws {Failure} with the texts for the page. On abort, throws the signal's reason.
 */
export function post(url: string, body: Blob | FormData, options: PostOptions): Promise<XMLHttpRequest> {
  const { signal, limits, headers = {}, onUpload, onUploaded, onText } = options;
  const answerPatience = (limits?.timeoutMs ?? USUAL_TIMEOUT) + GRACE;
  const request = new XMLHttpRequest();
  return new Promise((resolve, reject) => {
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
      patience.wait(answerPatience);
      onUploaded?.();
    };
    request.onprogress = () => {
      patience.wait(answerPatience);
      if (request.status === 200) {
        onText?.(request);
      }
    };
    request.onload = () => {
      const { status, responseText } = request;
      status === 200
        ? resolve(request)
        : reject(failureOf(status, responseText, request.getResponseHeader("Retry-After")));
    };
    request.onerror = () => reject(failures.offline());
    request.onabort = () => reject(signal.reason);
    request.onloadend = () => {
      patience.stop();
      signal.removeEventListener("abort", abort);
    };
    request.open("POST", url);
    const key = readKey();
    const all = { ...headers, ...(key ? { Authorization: `Bearer ${key}` } : {}) };
    for (const [name, value] of Object.entries(all)) {
      request.setRequestHeader(name, value);
    }
    patience.wait(STALLED_AFTER);
    request.send(body);
  });
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
