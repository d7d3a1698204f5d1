/** The failures of an analysis, with the texts that the page shows. */

import { bytes } from "./format.ts";

export type FailureKind =
  | "offline"
  | "timeout"
  | "unauthorized"
  | "busy"
  | "limited"
  | "tooLarge"
  | "refused"
  | "broken"
  | "unreadable";

/** The reason for a missing answer: a title, and a message with the remedy. */
export class Failure extends Error {
  readonly kind: FailureKind;
  readonly title: string;
  /** Milliseconds until a retry, if the server named a time. */
  readonly retryAfter: number | undefined;

  constructor(kind: FailureKind, title: string, message: string, retryAfter?: number) {
    super(message);
    this.name = "Failure";
    this.kind = kind;
    this.title = title;
    this.retryAfter = retryAfter;
  }
}

/** Failures that the page detects. */
export const failures = {
  offline: () =>
    new Failure(
      "offline",
      "No connection to the server",
      "Check the network and that the server runs, then try again.",
    ),
  timeout: () => new Failure("timeout", "No answer in time", "The server or the network is slow: try again later."),
  tooLarge: (size: number, limit: number) =>
    new Failure(
      "tooLarge",
      "The picture is too large",
      `The upload would be ${bytes(size)}, and the server takes ${bytes(limit)}: send a smaller picture.`,
    ),
  empty: () => new Failure("unreadable", "The file is empty", "Choose another one."),
  unreadable: () =>
    new Failure("unreadable", "The file can't be read", "It may have been moved or be a folder: choose it again."),
  ours: () => new Failure("broken", "This page has failed", "Reload it, then try again."),
  notOurs: () =>
    new Failure(
      "broken",
      "An answer that makes no sense",
      "Something between here and the server has answered in its place: try again later.",
    ),
};

const TITLES: Partial<Record<FailureKind, string>> = {
  unauthorized: "An API key, please",
  busy: "The server is busy",
  limited: "Too many requests",
  timeout: "No answer in time",
  tooLarge: "The picture is too large",
  refused: "This picture can't be analyzed",
};

/** The failure for an error response. The status picks the title, and the body's `message` is shown unchanged. */
export function failureOf(status: number, body: string, retryAfter: string | null): Failure {
  const kind = kindOf(status);
  const message = messageIn(body) ?? `The server answered with status ${status} and no explanation.`;
  return new Failure(kind, TITLES[kind] ?? "The server has failed", message, milliseconds(retryAfter));
}

function kindOf(status: number): FailureKind {
  switch (status) {
    case 401:
      return "unauthorized";
    case 408:
    case 504:
      return "timeout";
    case 413:
      return "tooLarge";
    case 429:
      return "limited";
    case 503:
      return "busy";
    default:
      return status >= 400 && status < 500 ? "refused" : "broken";
  }
}

function messageIn(body: string): string | undefined {
  try {
    const { message } = JSON.parse(body) as { message?: unknown };
    return typeof message === "string" && message !== "" ? message : undefined;
  } catch {
    return undefined;
  }
}

/** `Retry-After`: seconds, or a date (RFC 9110, section 10.2.3). */
function milliseconds(retryAfter: string | null): number | undefined {
  if (retryAfter === null || retryAfter.trim() === "") {
    return undefined;
  }
  const seconds = Number(retryAfter);
  const wait = Number.isNaN(seconds) ? Date.parse(retryAfter) - Date.now() : seconds * 1000;
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}
