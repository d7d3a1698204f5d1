import { useCallback, useLayoutEffect, useRef } from "preact/hooks";

/**
 * A function that never changes and runs the callback of the last render. Effects can call it without depending on it, as
 * React's `useEffectEvent`.
 */
export function useEvent<Parameters extends unknown[], Result>(
  callback: (...parameters: Parameters) => Result,
): (...parameters: Parameters) => Result {
  const last = useRef(callback);
  // Layout effects run before the effects of the same render.
  useLayoutEffect(() => {
    last.current = callback;
  });
  return useCallback((...parameters: Parameters) => last.current(...parameters), []);
}
