import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Phase } from "../../src/lib/analysis.ts";
import { LANES, MANY, MOST, type Run, Sender } from "../../src/lib/many/sender.ts";
import { type FakeRequest, fakeServer, PREDICTIONS, picture } from "./server.ts";

// Reading a file takes real time, and this test stops the clock.
vi.mock(import("../../src/lib/files.ts"), async (original) => ({
  ...(await original()),
  checkReadable: async () => undefined,
}));

let server: ReturnType<typeof fakeServer>;
let phases: Map<number, Phase>;
let runs: Run[];
let sender: Sender;
let limits: { bodyBytes: number; batch: number; pixels: number; timeoutMs: number };

beforeEach(() => {
  vi.useFakeTimers();
  server = fakeServer();
  phases = new Map();
  runs = [];
  limits = { bodyBytes: 1_000_000, batch: 32, pixels: 1_000, timeoutMs: 1_000 };
  sender = new Sender({
    settings: () => ({ prepare: async ({ file }) => file, limits, explains: false }),
    report: (changes) => {
      for (const [id, phase] of changes) {
        phases.set(id, phase);
      }
    },
    tell: (run) => runs.push(run),
  });
});
afterEach(() => {
  vi.useRealTimers();
});

function jobs(count: number, from = 1) {
  return Array.from({ length: count }, (_, index) => ({ id: from + index, file: picture(`${from + index}.jpg`) }));
}

function settled() {
  return vi.advanceTimersByTimeAsync(0);
}

/** The names of the pictures in a batch. */
function namesIn({ body }: FakeRequest): number {
  return (body as unknown as FormData).getAll("images").length;
}

function lines(count: number, from = 0) {
  return Array.from({ length: count }, (_, index) =>
    JSON.stringify({ index: from + index, predictions: PREDICTIONS }),
  ).join("\n");
}

function named(name: Phase["name"]) {
  return [...phases].filter(([, phase]) => phase.name === name).map(([id]) => id);
}

const BUSY = { message: "The server is busy: try again in a moment" };

describe("a few pictures", () => {
  test("go one by one", async () => {
    sender.add(jobs(MANY - 1));
    const first = await server.request();
    await settled();
    expect(first.url).toMatch(/\/analyze$/);
    expect(server.waiting).toBe(0);
    first.answer(200, PREDICTIONS);
    await settled();
    expect(named("answered")).toEqual([1]);
    expect((await server.request()).url).toMatch(/\/analyze$/);
  });

  test("go before the many that wait", async () => {
    sender.add(jobs(100));
    await settled();
    sender.add(jobs(1, 1_000));
    (await server.request()).answer(200, `${lines(4)}\n`);
    await settled();
    expect(phases.get(1_000)?.name).toBe("preparing");
  });
});

describe("many pictures", () => {
  test("go as batches, never more than two at a time", async () => {
    sender.add(jobs(40));
    const first = await server.request();
    const second = await server.request();
    await settled();
    expect(server.waiting, "a third batch").toBe(0);
    expect([first.url, namesIn(first), namesIn(second)]).toEqual(["./api/v1/analyze/batch", 4, 4]);
    expect(first.requestHeaders).toMatchObject({ Accept: "application/x-ndjson" });
    first.uploaded();
    expect(named("analyzing")).toEqual([1, 2, 3, 4]);
    first.answer(200, `${lines(4)}\n`);
    await settled();
    expect(named("answered")).toEqual([1, 2, 3, 4]);
    expect(namesIn(await server.request()), "a larger one after an answer").toBe(5);
  });

  test("are answered as the lines come, and each has its own failure", async () => {
    sender.add(jobs(4));
    const request = await server.request();
    request.partial(`${lines(1, 1)}\n{"index":0,"predic`);
    expect(named("answered")).toEqual([2]);
    const refused = JSON.stringify({ index: 0, message: "The data is not an image", status: 422 });
    request.answer(200, `${lines(1, 1)}\n${refused}\n${lines(2, 2)}\n`);
    await settled();
    expect(named("answered")).toEqual([2, 3, 4]);
    expect(phases.get(1)).toMatchObject({ name: "failed", failure: { kind: "refused" } });
  });

  test("never exceed the server's limits", async () => {
    limits = { ...limits, bodyBytes: 1_000, batch: 3 };
    sender.add([...jobs(9), { id: 100, file: picture("large.jpg", "x".repeat(2_000)) }]);
    for (let answered = 0; answered < 9; ) {
      const request = await server.request();
      const count = namesIn(request);
      expect(count).toBeLessThanOrEqual(3);
      request.answer(200, `${lines(count)}\n`);
      await settled();
      answered += count;
    }
    expect(phases.get(100)).toMatchObject({ name: "failed", failure: { kind: "tooLarge" } });
  });

  test("wait as long as a busy server asks, and then go on with fewer", async () => {
    sender.add(jobs(40));
    const [first, second] = [await server.request(), await server.request()];
    first.answer(503, BUSY, { "Retry-After": "3" });
    await settled();
    expect(runs.at(-1)).toMatchObject({ name: "busy", seconds: 3 });
    expect(named("waiting")).toEqual([1, 2, 3, 4]);
    second.answer(200, `${lines(4)}\n`);
    await vi.advanceTimersByTimeAsync(2_900);
    expect(server.waiting).toBe(0);
    await vi.advanceTimersByTimeAsync(200);
    expect(runs.at(-1)).toEqual({ name: "running" });
    expect(namesIn(await server.request())).toBeLessThan(4);
  });

  test("wait as well where the server has no time for some of a batch", async () => {
    sender.add(jobs(4));
    const busy = JSON.stringify({ index: 3, ...BUSY, status: 503 });
    (await server.request()).answer(200, `${lines(3)}\n${busy}\n`);
    await settled();
    expect(named("answered")).toEqual([1, 2, 3]);
    expect([named("waiting"), server.waiting]).toEqual([[4], 0]);
    expect(runs.at(-1)).toMatchObject({ name: "busy" });
    await vi.advanceTimersByTimeAsync(2_100);
    expect((await server.request()).url).toMatch(/\/analyze$/);
  });

  test("stop where none can be sent, and go on when they are told to", async () => {
    sender.add(jobs(40));
    const [first, second] = [await server.request(), await server.request()];
    first.break();
    second.break();
    await settled();
    expect(runs.at(-1)).toMatchObject({ name: "halted", failure: { kind: "offline" } });
    expect(named("failed")).toEqual([]);
    expect(server.waiting).toBe(0);
    sender.resume();
    await settled();
    expect(server.waiting).toBe(LANES);
  });

  test("are sent alone where the batch is refused", async () => {
    sender.add(jobs(4));
    (await server.request()).answer(413, { message: "too large" });
    await settled();
    const alone = await server.request();
    expect(alone.url).toMatch(/\/analyze$/);
    alone.answer(422, { message: "no image" });
    await settled();
    expect(named("failed")).toEqual([1]);
    expect((await server.request()).url).toMatch(/\/analyze$/);
  });

  test("can be paused", async () => {
    sender.add(jobs(40));
    const [first] = [await server.request(), await server.request()];
    sender.pause();
    first.answer(200, `${lines(4)}\n`);
    await settled();
    expect(named("answered")).toEqual([1, 2, 3, 4]);
    expect(server.waiting).toBe(0);
    sender.resume();
    await settled();
    expect(server.waiting).toBe(1);
  });

  test("can be cancelled, one by one or all", async () => {
    sender.add(jobs(40));
    const [first, second] = [await server.request(), await server.request()];
    sender.cancel([2, 30]);
    expect(named("cancelled").toSorted()).toEqual([2, 30]);
    expect(first.isAborted).toBe(false);
    first.answer(200, `${lines(4)}\n`);
    await settled();
    expect(named("answered")).toEqual([1, 3, 4]);
    sender.cancel(jobs(40).map(({ id }) => id));
    await settled();
    expect(second.isAborted).toBe(true);
    expect(named("cancelled")).toHaveLength(37);
    expect(named("waiting")).toEqual([]);
  });

  test("have a largest batch", async () => {
    sender.add(jobs(200));
    let most = 0;
    for (let batch = 0; batch < 14; batch += 1) {
      const request = await server.request();
      most = Math.max(most, namesIn(request));
      request.answer(200, `${lines(namesIn(request))}\n`);
      await settled();
    }
    expect(most).toBe(MOST);
  });
});
