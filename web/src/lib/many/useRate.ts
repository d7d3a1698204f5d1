import { useRef } from "preact/hooks";

/** The time over which the rate is measured, in milliseconds. */
const WINDOW = 10_000;

export interface Rate {
  /** Pictures a second. Undefined until enough is known. */
  perSecond: number | undefined;
  /** Milliseconds of the whole run so far. It ends with the last picture. */
  elapsed: number;
}

/**
 * The rate at which pictures end.
 *
 * @param ended the pictures that have ended.
 * @param isRunning false while nothing is being sent: the time does not count then.
 */
export function useRate(ended: number, isRunning: boolean, now = performance.now()): Rate {
  const marks = useRef<{ at: number; ended: number }[]>([]);
  const elapsed = useRef(0);
  const last = useRef<number>(undefined);
  if (!isRunning) {
    marks.current = [];
    last.current = undefined;
    return { perSecond: undefined, elapsed: elapsed.current };
  }
  elapsed.current += now - (last.current ?? now);
  last.current = now;
  marks.current = [...marks.current.filter(({ at }) => now - at <= WINDOW), { at: now, ended }];
  const first = marks.current[0];
  const seconds = first ? (now - first.at) / 1_000 : 0;
  return { perSecond: first && seconds >= 1 ? (ended - first.ended) / seconds : undefined, elapsed: elapsed.current };
}
