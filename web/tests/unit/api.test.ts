import { beforeEach, describe, expect, test, vi } from "vitest";
import { english } from "../../src/i18n/pages.ts";
import { analyze, describeModel, type Limits } from "../../src/lib/api.ts";
import { Failure } from "../../src/lib/failure.ts";
import { MODEL } from "../models.ts";
import { fakeServer, PREDICTIONS, picture, TIMING } from "./server.ts";

let server: ReturnType<typeof fakeServer>;
beforeEach(() => {
  server = fakeServer();
});

const never = new AbortController().signal;

function ask(options: Partial<Parameters<typeof analyze>[1]> = {}, file: Blob = picture()) {
  const result = analyze(file, { signal: never, ...options });
  // Awaited below.
  result.catch(() => undefined);
  return result;
}

/** The failure of an analysis, with its texts. */
async function failure(result: Promise<unknown>) {
  const error = await result.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Failure);
  const { kind, retryAfter, tell } = error as Failure;
  return { kind, retryAfter, ...tell(english) };
}

describe("a picture that is analyzed", () => {
  test("is sent as it is, under its own type", async () => {
    const file = picture("a.png", "hello", "image/png");
    ask({}, file);
    const request = await server.request();
    expect([request.method, request.url]).toEqual(["POST", "./api/v1/analyze"]);
    expect(request.requestHeaders["Content-Type"]).toBe("image/png");
    expect(request.body).toBe(file);
  });

  test.each(["", "text/plain", "application/pdf", "video/mp4"])(
    "is sent as bytes where its type is '%s'",
    async (type) => {
      ask({}, picture("a.heic", "hello", type));
      expect((await server.request()).requestHeaders["Content-Type"]).toBe("application/octet-stream");
    },
  );

  test("comes back as labels and times", async () => {
    const result = ask();
    (await server.request()).answer(200, PREDICTIONS, { "Server-Timing": TIMING });
    expect(await result).toEqual({
      predictions: PREDICTIONS,
      timings: [
        { name: "queue", milliseconds: 0.05 },
        { name: "decode", milliseconds: 2.4 },
        { name: "resize", milliseconds: 0.4 },
        { name: "inference", milliseconds: 8.1 },
      ],
    });
  });

  test("comes back without labels where none is likely enough, and with the model's revision", async () => {
    const result = ask();
    (await server.request()).answer(200, [], { "Model-Revision": "b2" });
    expect(await result).toEqual({ predictions: [], timings: [], revision: "b2" });
  });

  test("tells how much of it has been sent", async () => {
    const onUpload = vi.fn();
    const onUploaded = vi.fn();
    ask({ onUpload, onUploaded });
    const request = await server.request();
    request.progress(250, 1000);
    request.progress(1000, 1000);
    expect(onUpload.mock.calls).toEqual([
      [0.25, 1000],
      [1, 1000],
    ]);
    expect(onUploaded).not.toHaveBeenCalled();
    request.uploaded();
    expect(onUploaded).toHaveBeenCalledOnce();
  });
});

describe("every status", () => {
  test.each([
    [400, "refused", "This picture can't be analyzed"],
    [401, "unauthorized", "An API key, please"],
    [404, "refused", "This picture can't be analyzed"],
    [405, "refused", "This picture can't be analyzed"],
    [408, "timeout", "No answer in time"],
    [413, "tooLarge", "The picture is too large"],
    [415, "refused", "This picture can't be analyzed"],
    [422, "refused", "This picture can't be analyzed"],
    [429, "limited", "Too many requests"],
    [500, "broken", "The server has failed"],
    [502, "broken", "The server has failed"],
    [503, "busy", "The server is busy"],
    [504, "timeout", "No answer in time"],
  ])("%i is shown as %s, with the server's own message", async (status, kind, title) => {
    const result = ask();
    (await server.request()).answer(status, { message: "The server's own words" });
    expect(await failure(result)).toMatchObject({ kind, title, message: "The server's own words" });
  });

  test.each(["", "<html>", "null", "[]", '{"message": 1}', '{"message": ""}'])(
    "a failure without words: %s",
    async (body) => {
      const result = ask();
      (await server.request()).answer(502, body);
      expect((await failure(result)).message).toBe("The server answered with status 502 and no explanation.");
    },
  );

  test.each(["", "{}", "<html>", '[{"label": 1}]', "[null]", '[{"label":"a"}]'])(
    "an answer that is none: %s",
    async (body) => {
      const result = ask();
      (await server.request()).answer(200, body);
      expect((await failure(result)).kind).toBe("broken");
    },
  );

  test("Retry-After is seconds or a date", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: new Date("2026-01-01T00:00:00Z") });
    for (const [header, milliseconds] of [
      ["3", 3000],
      ["0", 0],
      ["Thu, 01 Jan 2026 00:00:07 GMT", 7000],
      ["Wed, 31 Dec 2025 00:00:00 GMT", 0],
      ["soon", undefined],
      ["", undefined],
    ] as const) {
      const result = ask();
      (await server.request()).answer(503, { message: "busy" }, { "Retry-After": header });
      expect((await failure(result)).retryAfter, header).toBe(milliseconds);
    }
    vi.useRealTimers();
  });
});

describe("what is not sent", () => {
  const limits: Limits = { bodyBytes: 100, pixels: 1, timeoutMs: 1000 };

  test("a file over the server's limit", async () => {
    const result = ask({ limits }, picture("a.jpg", "x".repeat(101)));
    expect(await failure(result)).toMatchObject({
      kind: "tooLarge",
      message: "The upload would be 101 bytes, and the server takes 100 bytes: send a smaller picture.",
    });
    expect(server.waiting).toBe(0);
  });

  test("a file just within it is", async () => {
    ask({ limits }, picture("a.jpg", "x".repeat(100)));
    expect((await server.request()).body?.size).toBe(100);
  });

  test("an empty file", async () => {
    expect(await failure(ask({}, picture("a.jpg", "")))).toMatchObject({
      kind: "unreadable",
      title: "The file is empty",
    });
  });

  test("a file that can't be read", async () => {
    vi.spyOn(Blob.prototype, "arrayBuffer").mockRejectedValue(new DOMException("gone", "NotFoundError"));
    expect(await failure(ask())).toMatchObject({ kind: "unreadable", title: "The file can't be read" });
    expect(server.waiting).toBe(0);
  });

  test("all of a file that goes while it is sent", async () => {
    const result = ask();
    const request = await server.request();
    vi.spyOn(Blob.prototype, "arrayBuffer").mockRejectedValue(new DOMException("gone", "NotFoundError"));
    request.break();
    expect(await failure(result)).toMatchObject({ kind: "unreadable", title: "The file can't be read" });
  });
});

describe("the connection", () => {
  test("that can't be made", async () => {
    const result = ask();
    (await server.request()).break();
    expect(await failure(result)).toMatchObject({ kind: "offline", title: "No connection to the server" });
  });

  test("is given up when the signal says so", async () => {
    const controller = new AbortController();
    const result = ask({ signal: controller.signal });
    const request = await server.request();
    controller.abort();
    await expect(result).rejects.toBe(controller.signal.reason);
    expect(request.isAborted).toBe(true);
  });

  test("is not made where the signal came before", async () => {
    const result = ask({ signal: AbortSignal.abort() });
    await expect(result).rejects.toThrow();
    expect(server.waiting).toBe(0);
  });

  test("on which nothing moves is given up after half a minute", async () => {
    const result = ask();
    const request = await server.request();
    vi.useFakeTimers();
    request.progress(1, 100);
    vi.advanceTimersByTime(29_000);
    request.progress(2, 100);
    vi.advanceTimersByTime(29_000);
    expect(request.isAborted).toBe(false);
    vi.advanceTimersByTime(1_000);
    expect(request.isAborted).toBe(true);
    vi.useRealTimers();
    expect((await failure(result)).kind).toBe("timeout");
  });

  test("waits for the answer longer than the server does", async () => {
    const result = ask({ limits: MODEL.limits });
    const request = await server.request();
    vi.useFakeTimers();
    request.uploaded();
    vi.advanceTimersByTime(39_999);
    expect(request.isAborted).toBe(false);
    vi.advanceTimersByTime(1);
    expect(request.isAborted).toBe(true);
    vi.useRealTimers();
    expect((await failure(result)).kind).toBe("timeout");
  });
});

describe("the model", () => {
  test("is described by the server", async () => {
    const fetch = vi.fn(async () => Response.json(MODEL));
    vi.stubGlobal("fetch", fetch);
    expect(await describeModel(never)).toEqual(MODEL);
    expect(fetch).toHaveBeenCalledWith("./api/v1/model", { signal: never, cache: "no-store" });
    vi.unstubAllGlobals();
  });

  test("is not known where the server fails", async () => {
    vi.stubGlobal("fetch", async () => new Response("", { status: 500 }));
    await expect(describeModel(never)).rejects.toThrow();
    vi.unstubAllGlobals();
  });
});
