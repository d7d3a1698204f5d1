import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { english } from "../../src/i18n/pages.ts";
import { ATTEMPTS, analyzePicture, type Phase } from "../../src/lib/analysis.ts";
import type { Failure } from "../../src/lib/failure.ts";
import { fakeServer, PREDICTIONS, picture } from "./server.ts";

// Reading a file takes real time, and this test stops the clock.
vi.mock(import("../../src/lib/files.ts"), async (original) => ({
  ...(await original()),
  checkReadable: async () => undefined,
}));

let server: ReturnType<typeof fakeServer>;
let phases: Phase[];
let controller: AbortController;

beforeEach(() => {
  vi.useFakeTimers();
  server = fakeServer();
  phases = [];
  controller = new AbortController();
});
afterEach(() => {
  vi.useRealTimers();
});

function analyze(prepare = async (file: File): Promise<Blob> => file) {
  const report = (phase: Phase) => phases.push(phase);
  return analyzePicture(picture(), { signal: controller.signal, prepare, report });
}

/** Runs pending promises without advancing the clock. */
function settled() {
  return vi.advanceTimersByTimeAsync(0);
}

function names() {
  return phases.map(({ name }) => name);
}

/** The failure of the last phase, with its texts. */
function failure() {
  const { failure } = phases.at(-1) as { failure: Failure };
  return { kind: failure.kind, ...failure.tell(english) };
}

const BUSY = { message: "The server is busy: try again in a moment" };

describe("a picture's way", () => {
  test("is reported step by step", async () => {
    const done = analyze();
    const request = await server.request();
    request.progress(50, 100);
    request.uploaded();
    request.answer(200, PREDICTIONS);
    await done;
    expect(names()).toEqual(["preparing", "uploading", "analyzing", "answered"]);
    expect(phases[1]).toEqual({ name: "uploading", fraction: 0.5, bytes: 100 });
    expect(phases.at(-1)).toMatchObject({ answer: { predictions: PREDICTIONS }, sent: 6 });
  });

  test("sends what it is prepared to", async () => {
    const done = analyze(async () => new Blob(["small"]));
    (await server.request()).answer(200, PREDICTIONS);
    await done;
    expect(phases.at(-1)).toMatchObject({ name: "answered", sent: 5 });
  });
});

describe("a busy server", () => {
  test("is asked again when it says, after a countdown", async () => {
    const done = analyze();
    (await server.request()).answer(503, BUSY, { "Retry-After": "3" });
    await settled();
    expect(phases.at(-1)).toMatchObject({ name: "busy", seconds: 3 });
    expect(failure()).toMatchObject(BUSY);
    await vi.advanceTimersByTimeAsync(2_900);
    expect(phases.at(-1)).toMatchObject({ name: "busy", seconds: 1 });
    expect(server.waiting).toBe(0);
    await vi.advanceTimersByTimeAsync(200);
    (await server.request()).answer(200, PREDICTIONS);
    await done;
    expect(phases.filter(({ name }) => name === "busy").map((phase) => "seconds" in phase && phase.seconds)).toEqual([
      3, 2, 1,
    ]);
    expect(names().at(-1)).toBe("answered");
  });

  test("that does not say when is asked after two seconds", async () => {
    const done = analyze();
    (await server.request()).answer(429, { message: "slow down" });
    await settled();
    expect(phases.at(-1)).toMatchObject({ name: "busy", seconds: 2 });
    controller.abort();
    await done;
  });

  test("is given up after some attempts", async () => {
    const done = analyze();
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      (await server.request()).answer(503, BUSY, { "Retry-After": "1" });
      await settled();
      await vi.advanceTimersByTimeAsync(1_000);
    }
    await done;
    expect(names().at(-1)).toBe("failed");
    expect(failure()).toMatchObject({ kind: "busy", ...BUSY });
    expect(server.waiting).toBe(0);
  });
});

describe("a cancelled picture", () => {
  test("is not waited for while it is being prepared", async () => {
    const done = analyze(() => new Promise(() => undefined));
    await settled();
    controller.abort();
    await done;
    expect(names()).toEqual(["preparing", "cancelled"]);
  });

  test("is not waited for", async () => {
    const done = analyze();
    const request = await server.request();
    controller.abort();
    await done;
    expect(request.isAborted).toBe(true);
    expect(names().at(-1)).toBe("cancelled");
  });

  test("is not tried again", async () => {
    const done = analyze();
    (await server.request()).answer(503, BUSY, { "Retry-After": "5" });
    await settled();
    expect(names().at(-1)).toBe("busy");
    controller.abort();
    await done;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(names().at(-1)).toBe("cancelled");
    expect(server.waiting).toBe(0);
  });
});

test("what is refused is not tried again", async () => {
  const done = analyze();
  (await server.request()).answer(422, { message: "The image is damaged" });
  await done;
  expect(names().at(-1)).toBe("failed");
  expect(failure()).toMatchObject({ kind: "refused", message: "The image is damaged" });
});
