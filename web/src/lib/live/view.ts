/** What a live view shows, and how the events of its session change it. */

import type { Failure } from "../failure.ts";
import { count, NO_RATE, type Rate } from "./rate.ts";
import type { Event } from "./session.ts";
import { type Smoothed, smooth } from "./smoothing.ts";

export type LivePhase =
  /** The camera is not on yet. */
  | { name: "starting" }
  | { name: "running" }
  /** The camera is on, and no frames are sent for some seconds. */
  | { name: "busy"; failure: Failure; seconds: number }
  /** The camera is off. */
  | { name: "failed"; failure: Failure };

export interface View {
  phase: LivePhase;
  /** Undefined before the first answer. */
  chart?: Smoothed;
  rate: Rate;
  /** The revision of the model that gave the last answer. */
  revision?: string | undefined;
  /** The id of the camera to switch to. Undefined if there is no other. */
  other?: string | undefined;
}

export const CLOSED: View = { phase: { name: "starting" }, rate: NO_RATE };

/** Takes an event of the session, or `starting` for a new session. `places` is the most rows of the chart. */
export function follow(view: View, event: Event | { name: "starting" }, places: number): View {
  switch (event.name) {
    case "starting":
      return { ...view, phase: { name: "starting" }, rate: NO_RATE };
    case "opened":
      return { ...view, phase: { name: "running" }, other: event.other };
    case "answered": {
      const { answer, at, milliseconds } = event;
      // The labels and confidences of another model are not comparable.
      const before = answer.revision === view.revision ? view.chart : undefined;
      return {
        ...view,
        phase: { name: "running" },
        chart: smooth(before, answer.predictions, at, places),
        rate: count(view.rate, { at, milliseconds }),
        revision: answer.revision,
      };
    }
    case "busy":
      return { ...view, phase: event, rate: NO_RATE };
    case "failed":
      return { phase: event, rate: NO_RATE };
  }
}
