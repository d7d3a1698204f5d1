import { useEffect, useReducer, useRef } from "preact/hooks";
import { describeModel, type Model } from "./api.ts";
import { type Known, learn, NOTHING } from "./model.ts";
import { useEvent } from "./useEvent.ts";

/** The least time after a request for the model until a page that becomes visible sends another one, in milliseconds. */
export const LOOK_AGAIN_AFTER = 60_000;

export interface ServedModel {
  known: Known;
  /** Takes the revision of the model that gave an answer, and asks for the model if it is another one. */
  check: (revision: string | undefined) => void;
}

/**
 * The model that serves. The server may replace it at any time: the page asks again after an answer of another model, and
 * when it becomes visible after a while. Until the model is known, it asks whenever the server may be reachable again.
 */
export function useModel(): ServedModel {
  const [known, dispatch] = useReducer(learn, NOTHING);
  // An analysis calls `check` as it was when the analysis began.
  const current = useRef<Model>(undefined);
  const request = useRef<AbortController>(undefined);
  const askedAt = useRef(0);

  const ask = () => {
    request.current?.abort();
    const controller = new AbortController();
    request.current = controller;
    askedAt.current = Date.now();
    const take = (model: Model) => {
      if (!controller.signal.aborted) {
        current.current = model;
        dispatch(model);
      }
    };
    describeModel(controller.signal).then(take, () => undefined);
  };

  const begin = useEvent(ask);
  useEffect(() => {
    const askIfUnknown = () => current.current ?? begin();
    const askIfVisible = () => {
      if (document.visibilityState === "visible" && Date.now() - askedAt.current >= LOOK_AGAIN_AFTER) {
        begin();
      }
    };
    begin();
    window.addEventListener("focus", askIfUnknown);
    window.addEventListener("online", askIfUnknown);
    document.addEventListener("visibilitychange", askIfVisible);
    return () => {
      request.current?.abort();
      window.removeEventListener("focus", askIfUnknown);
      window.removeEventListener("online", askIfUnknown);
      document.removeEventListener("visibilitychange", askIfVisible);
    };
  }, [begin]);

  const check = (revision: string | undefined) => {
    if (revision !== undefined && revision !== current.current?.revision) {
      ask();
    }
  };
  return { known, check };
}
