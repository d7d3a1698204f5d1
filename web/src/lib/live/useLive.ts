import type { RefObject } from "preact";
import { useLayoutEffect, useReducer, useRef, useState } from "preact/hooks";
import type { Answer, Limits, Model } from "../api.ts";
import { useEvent } from "../useEvent.ts";
import { frameSideFor } from "./frames.ts";
import { type Event, startSession, type Wait } from "./session.ts";
import { CLOSED, follow, type View } from "./view.ts";

/** The most labels of the chart. A multi-label model may give more than three. */
const PLACES = 3;
const PLACES_OF_MULTI_LABEL = 5;

export interface Live {
  view: View;
  /** The most labels of the chart. */
  places: number;
  video: RefObject<HTMLVideoElement | null>;
  /** Starts again after a failure. */
  retry: () => void;
  /** Goes on with the camera of this id. */
  turnTo: (deviceId: string) => void;
}

/** Runs a camera and has its frames analyzed while the component is mounted and the page is visible. */
export function useLive(model: Model | undefined, onAnswer: (answer: Answer) => void): Live {
  const places = model?.multiLabel ? PLACES_OF_MULTI_LABEL : PLACES;
  const video = useRef<HTMLVideoElement>(null);
  const [view, dispatch] = useReducer(
    (view: View, event: Parameters<typeof follow>[1]) => follow(view, event, places),
    CLOSED,
  );
  /** Each new object starts a new session. */
  const [turn, setTurn] = useState<{ deviceId?: string }>({});
  const hasFailed = useRef(false);
  const wait = useRef<Wait>(undefined);

  const current = useEvent((): { shortSide: number; limits: Limits | undefined } => ({
    shortSide: frameSideFor(model?.input),
    limits: model?.limits,
  }));
  const report = useEvent((event: Event) => {
    hasFailed.current = event.name === "failed";
    dispatch(event);
    if (event.name === "answered") {
      onAnswer(event.answer);
    }
    if (event.name === "busy") {
      wait.current = { failure: event.failure, until: performance.now() + 1_000 * event.seconds };
    }
  });

  // Not `useEffect`, whose end comes after the next paint: the camera is off when the view is gone.
  useLayoutEffect(() => {
    let stop: () => void = () => undefined;
    const start = () => {
      hasFailed.current = false;
      dispatch({ name: "starting" });
      if (video.current) {
        stop = startSession(video.current, {
          deviceId: turn.deviceId,
          wait: wait.current,
          current,
          report,
        });
      }
    };
    const followPage = () => {
      stop();
      if (document.visibilityState === "visible" && !hasFailed.current) {
        start();
      }
    };
    start();
    document.addEventListener("visibilitychange", followPage);
    return () => {
      document.removeEventListener("visibilitychange", followPage);
      stop();
    };
  }, [turn, current, report]);

  return { view, places, video, retry: () => setTurn({}), turnTo: (deviceId) => setTurn({ deviceId }) };
}
