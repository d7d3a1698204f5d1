/** What stubs of the server say of the model that serves, in the unit tests and in those of the browser. */

import type { Model } from "../src/lib/api.ts";

export const MODEL = {
  name: "MobileNetV2",
  version: "alpha 1.0, 224 x 224",
  source: "Keras",
  licence: "Apache-2.0",
  input: { width: 224, height: 224 },
  labels: 1000,
  multiLabel: false,
  threshold: 0,
  revision: "a1",
  limits: { bodyBytes: 1_000_000, pixels: 50_000_000, timeoutMs: 10_000 },
  formats: ["image/jpeg", ".heic"],
} satisfies Model;

/** A multi-label model. */
export const PARTS = {
  ...MODEL,
  name: "Parts",
  version: "2, 640 x 480",
  licence: "MIT",
  input: { width: 640, height: 480 },
  labels: 80,
  multiLabel: true,
  threshold: 0.25,
  revision: "b2",
} satisfies Model;
