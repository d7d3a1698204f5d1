/** The failures of an analysis, with the texts that the page shows. */

import type { Language, TextKey } from "../i18n/language.ts";

export type FailureKind =
  | "offline"
  | "timeout"
  | "unauthorized"
  | "busy"
  | "limited"
  | "tooLarge"
  | "refused"
  | "broken"
  | "unreadable"
  | "notLoaded"
  | "insecure"
  | "denied"
  | "noCamera"
  | "inUse"
  | "cameraGone"
  | "cameraFailed";

/** The texts of a failure: a title, and a message with the remedy. */
export interface Told {
  title: string;
  message: string;
}

/** The reason for a missing answer. */
export class Failure extends Error {
  readonly kind: FailureKind;
  /** Returns the texts in a language. */
  readonly tell: (language: Language) => Told;
  /** Milliseconds until a retry, if the server named a time. */
  readonly retryAfter: number | undefined;
  /** The status of the response, if there was one. */
  readonly status: number | undefined;

  constructor(kind: FailureKind, tell: (language: Language) => Told, retryAfter?: number, status?: number) {
    super(kind);
    this.name = "Failure";
    this.kind = kind;
    this.tell = tell;
    this.retryAfter = retryAfter;
    this.status = status;
  }
}

/** Failures that the page detects. */
export const failures = {
  offline: () => plain("offline", "failure.offline", "failure.offlineText"),
  timeout: () => plain("timeout", "failure.timeout", "failure.timeoutText"),
  tooLarge: (size: number, limit: number) =>
    new Failure("tooLarge", ({ t, format }) => ({
      title: t("failure.tooLarge"),
      message: t("failure.tooLargeText", { size: format.bytes(size), limit: format.bytes(limit) }),
    })),
  empty: () => plain("unreadable", "failure.empty", "failure.emptyText"),
  unreadable: () => plain("unreadable", "failure.unreadable", "failure.unreadableText"),
  ours: () => plain("broken", "failure.ours", "failure.oursText"),
  notLoaded: () => plain("notLoaded", "camera.notLoaded", "camera.notLoadedText"),
  insecure: () => plain("insecure", "camera.insecure", "camera.insecureText"),
  denied: () => plain("denied", "camera.denied", "camera.deniedText"),
  noCamera: () => plain("noCamera", "camera.missing", "camera.missingText"),
  inUse: () => plain("inUse", "camera.inUse", "camera.inUseText"),
  cameraGone: () => plain("cameraGone", "camera.gone", "camera.goneText"),
  cameraFailed: () => plain("cameraFailed", "camera.failed", "camera.failedText"),
  notOurs: () => plain("broken", "failure.notOurs", "failure.notOursText"),
};

function plain(kind: FailureKind, title: TextKey, message: TextKey): Failure {
  return new Failure(kind, ({ t }) => ({ title: t(title), message: t(message) }));
}

/** The titles of the failures that a status tells. */
const TITLES: Partial<Record<FailureKind, TextKey>> = {
  unauthorized: "failure.unauthorized",
  busy: "failure.busy",
  limited: "failure.limited",
  timeout: "failure.timeout",
  tooLarge: "failure.tooLarge",
  refused: "failure.refused",
};

/**
 * The failure for an error response. The status picks the title. The body's `message` is shown in the page's language if it
 * has a translation, and unchanged otherwise.
 */
export function failureOf(status: number, body: string, retryAfter: string | null): Failure {
  const kind = kindOf(status);
  const sentence = messageIn(body);
  const tell = ({ t, sentence: translate }: Language) => ({
    title: t(TITLES[kind] ?? "failure.broken"),
    message: sentence === undefined ? t("failure.unexplained", { status }) : translate(sentence),
  });
  return new Failure(kind, tell, milliseconds(retryAfter), status);
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

/** Whether the server is only busy, or asks to be left alone for a while. */
export function isPassing({ kind }: Failure): boolean {
  return kind === "busy" || kind === "limited";
}

/** An error as a failure. One that is none is a fault of the page. */
export function asFailure(error: unknown): Failure {
  return error instanceof Failure ? error : failures.ours();
}
