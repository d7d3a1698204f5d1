import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { useEvent } from "./useEvent.ts";

export interface Loaded<Props> {
  /** Undefined until it is there. */
  Component?: ComponentType<Props>;
  hasFailed: boolean;
  /** Tries to load it again. */
  retry: () => void;
}

/** A component whose code is loaded once it is needed. */
export function useLoaded<Props>(isNeeded: boolean, load: () => Promise<ComponentType<Props>>): Loaded<Props> {
  const [state, setState] = useState<Omit<Loaded<Props>, "retry">>({ hasFailed: false });
  const begin = useEvent(() => {
    setState({ hasFailed: false });
    load().then(
      (Component) => setState({ Component, hasFailed: false }),
      () => setState({ hasFailed: true }),
    );
  });
  const isMissing = isNeeded && !state.Component;
  useEffect(() => {
    if (isMissing) {
      begin();
    }
  }, [isMissing, begin]);
  return { ...state, retry: begin };
}
