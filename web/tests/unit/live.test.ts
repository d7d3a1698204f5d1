/** The live view's rules: smoothing, frame rate, frames, and the errors of a camera. */

import { describe, expect, test } from "vitest";
import { english } from "../../src/i18n/pages.ts";
import type { Prediction } from "../../src/lib/api.ts";
import { failures } from "../../src/lib/failure.ts";
import { cameraFailure, nextCamera } from "../../src/lib/live/camera.ts";
import { frameSideFor, frameSize, pictureName } from "../../src/lib/live/frames.ts";
import { count, NO_RATE } from "../../src/lib/live/rate.ts";
import type { Event } from "../../src/lib/live/session.ts";
import { type Smoothed, smooth, TIME_CONSTANT } from "../../src/lib/live/smoothing.ts";
import { CLOSED, follow } from "../../src/lib/live/view.ts";

const answer = (labels: Record<string, number>): Prediction[] =>
  Object.entries(labels).map(([label, confidence]) => ({ label, confidence }));
const labelsOf = ({ rows }: Smoothed) => rows.map(({ label }) => label);
const first = smooth(undefined, answer({ cat: 0.6, dog: 0.3, fox: 0.1 }), 0, 3);

describe("smoothing", () => {
  test("takes the first answer as it is", () => {
    expect(first.rows).toEqual(answer({ cat: 0.6, dog: 0.3, fox: 0.1 }));
  });

  test("lets 63 % of a change through in its time constant, at any frame rate", () => {
    for (const frames of [1, 7, 30]) {
      let chart = smooth(undefined, answer({ cat: 0.2 }), 0, 3);
      for (let frame = 1; frame <= frames; frame += 1) {
        chart = smooth(chart, answer({ cat: 1 }), (frame / frames) * TIME_CONSTANT, 3);
      }
      expect(chart.rows[0]?.confidence).toBeCloseTo(0.2 + 0.8 * (1 - Math.exp(-1)), 10);
    }
  });

  test("keeps a label in its place until another one is clearly ahead", () => {
    const close = smooth(first, answer({ dog: 0.62, cat: 0.6, fox: 0.1 }), 60_000, 3);
    expect(labelsOf(close)).toEqual(["cat", "dog", "fox"]);
    const ahead = smooth(close, answer({ dog: 0.8, cat: 0.6, fox: 0.1 }), 120_000, 3);
    expect(labelsOf(ahead)).toEqual(["dog", "cat", "fox"]);
  });

  test("replaces one label and leaves the others where they are", () => {
    const chart = smooth(first, answer({ cat: 0.6, dog: 0.3, owl: 0.29 }), 60_000, 3);
    expect(labelsOf(chart)).toEqual(["cat", "dog", "owl"]);
  });

  test("does not follow one frame that differs", () => {
    const chart = smooth(first, answer({ car: 1 }), 33, 3);
    expect(labelsOf(chart)).toEqual(["cat", "dog", "fox"]);
  });

  test("drops labels some time after nothing is recognized any more", () => {
    expect(labelsOf(smooth(first, [], 100, 3))).toEqual(["cat", "dog", "fox"]);
    expect(labelsOf(smooth(first, [], 5_000, 3))).toEqual([]);
    expect(smooth(undefined, [], 0, 3).rows).toEqual([]);
  });

  test("shows a label once that names two classes", () => {
    const twice = [...answer({ crane: 0.5 }), ...answer({ crane: 0.2 })];
    expect(smooth(undefined, twice, 0, 3).rows).toEqual(answer({ crane: 0.5 }));
  });

  test("begins anew with another model", () => {
    const answered = (revision: string, label: string, at: number): Event => ({
      name: "answered",
      at,
      milliseconds: 10,
      answer: { predictions: answer({ [label]: 1 }), timings: [], revision },
    });
    const before = follow(CLOSED, answered("a", "cat", 0), 3);
    expect(follow(before, answered("a", "dog", 10), 3).chart?.rows[0]?.label).toBe("cat");
    expect(follow(before, answered("b", "dog", 10), 3).chart?.rows).toEqual(answer({ dog: 1 }));
  });
});

test("the frame rate is counted over two seconds, and changes twice a second at most", () => {
  let rate = NO_RATE;
  const shown = new Set<unknown>();
  for (let at = 0; at <= 4_000; at += 100) {
    rate = count(rate, { at, milliseconds: at < 2_000 ? 80 : 40 });
    shown.add(rate.shown);
  }
  expect(rate.shown?.framesPerSecond).toBeCloseTo(10);
  expect(rate.shown?.milliseconds).toBeLessThan(50);
  expect(shown.size).toBeLessThanOrEqual(9);
});

describe("a frame", () => {
  test("is as small as the model allows, and never enlarged", () => {
    expect([undefined, { width: 96, height: 96 }, { width: 640, height: 480 }].map(frameSideFor)).toEqual([
      448, 448, 1280,
    ]);
    expect(frameSize({ width: 1920, height: 1080 }, 448)).toEqual({ width: 796, height: 448 });
    expect(frameSize({ width: 320, height: 240 }, 448)).toEqual({ width: 320, height: 240 });
  });

  test("is named after the local time", () => {
    expect(pictureName(new Date(2026, 10, 7, 8, 3, 9))).toBe("camera-2026-11-07-08.03.09.jpg");
  });
});

test.each([
  ["NotAllowedError", "denied"],
  ["SecurityError", "denied"],
  ["NotFoundError", "noCamera"],
  ["OverconstrainedError", "noCamera"],
  ["NotReadableError", "inUse"],
  ["AbortError", "cameraFailed"],
] as const)("the camera's %s is told as %s", (name, kind) => {
  expect(cameraFailure(new DOMException("no", name)).kind).toBe(kind);
  expect(cameraFailure(undefined).tell(english)).toEqual(failures.cameraFailed().tell(english));
});

test("the cameras take turns", () => {
  expect(nextCamera(["a", "b", "c"], "b")).toBe("c");
  expect(nextCamera(["a", "b", "c"], "c")).toBe("a");
  expect(nextCamera(["a"], "a")).toBeUndefined();
  expect(nextCamera([], undefined)).toBeUndefined();
});
