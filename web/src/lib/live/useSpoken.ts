import { useEffect, useRef, useState } from "preact/hooks";

/** The least time between two announcements, in milliseconds. */
export const SPOKEN_EVERY = 4_000;

/** The least time for which a text has to stay before it is announced, in milliseconds. The first frames of a camera are dark. */
export const STEADY_FOR = 1_000;

/**
 * A text that changes often, as screen readers are to announce it: once it has stayed for `STEADY_FOR`, and not again within
 * `SPOKEN_EVERY`.
 */
export function useSpoken(text: string | undefined): string | undefined {
  const [spoken, setSpoken] = useState<string>();
  const at = useRef(Number.NEGATIVE_INFINITY);
  useEffect(() => {
    if (text === spoken) {
      return;
    }
    const speak = () => {
      at.current = performance.now();
      setSpoken(text);
    };
    const timer = setTimeout(speak, Math.max(STEADY_FOR, at.current + SPOKEN_EVERY - performance.now()));
    return () => clearTimeout(timer);
  }, [text, spoken]);
  return spoken;
}
