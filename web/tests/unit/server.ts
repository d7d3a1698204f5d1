import { vi } from "vitest";

/** A request from the page, which the test answers. */
export class FakeRequest {
  static sent: FakeRequest[] = [];
  static #awaited: ((request: FakeRequest) => void) | undefined;

  /** The oldest request that the test has not taken, or the next one. */
  static next(): Promise<FakeRequest> {
    const [first, ...others] = FakeRequest.sent;
    FakeRequest.sent = others;
    return first
      ? Promise.resolve(first)
      : new Promise((resolve) => {
          FakeRequest.#awaited = resolve;
        });
  }

  readonly upload: { onprogress?: (event: ProgressEvent) => void; onload?: () => void } = {};
  onload?: () => void;
  onprogress?: () => void;
  onerror?: () => void;
  onabort?: () => void;
  onloadend?: () => void;
  method = "";
  url = "";
  status = 0;
  responseText = "";
  isAborted = false;
  body: Blob | undefined;
  readonly requestHeaders: { [name: string]: string; Authorization?: string } = {};
  #headers: Record<string, string> = {};

  open(method: string, url: string) {
    this.method = method;
    this.url = url;
  }

  setRequestHeader(name: string, value: string) {
    this.requestHeaders[name] = value;
  }

  getResponseHeader(name: string): string | null {
    return this.#headers[name] ?? null;
  }

  send(body: Blob) {
    this.body = body;
    if (FakeRequest.#awaited) {
      FakeRequest.#awaited(this);
      FakeRequest.#awaited = undefined;
    } else {
      FakeRequest.sent.push(this);
    }
  }

  abort() {
    this.isAborted = true;
    this.onabort?.();
    this.onloadend?.();
  }

  progress(loaded: number, total: number) {
    this.upload.onprogress?.({ loaded, total } as ProgressEvent);
  }

  uploaded() {
    this.upload.onload?.();
  }

  answer(status: number, body: unknown, headers: Record<string, string> = {}) {
    this.status = status;
    this.responseText = typeof body === "string" ? body : JSON.stringify(body);
    this.#headers = headers;
    this.onload?.();
    this.onloadend?.();
  }

  /** A part of an answer. */
  partial(text: string) {
    this.status = 200;
    this.responseText = text;
    this.onprogress?.();
  }

  break() {
    this.onerror?.();
    this.onloadend?.();
  }
}

/** Replaces the network by a server that the test scripts. */
export function fakeServer() {
  FakeRequest.sent = [];
  vi.stubGlobal("XMLHttpRequest", FakeRequest);
  return {
    request: () => FakeRequest.next(),
    get waiting() {
      return FakeRequest.sent.length;
    },
  };
}

export const PREDICTIONS = [
  { label: "Egyptian_cat", confidence: 0.7976 },
  { label: "tabby", confidence: 0.1181 },
  { label: "tiger_cat", confidence: 0.0437 },
];
export const TIMING = "queue;dur=0.050, decode;dur=2.400, resize;dur=0.400, inference;dur=8.100";

export function picture(name = "cat.jpg", content: BlobPart = "pixels", type = "image/jpeg"): File {
  return new File([content], name, { type });
}
