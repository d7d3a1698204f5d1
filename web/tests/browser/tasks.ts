/** The tasks of a page's main thread. */

import type { Page } from "playwright-core";

/** A mark that a test sets in the page (`performance.mark`) once its own work there is done. */
export const READY = "ready";

interface TraceEvent {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  /** Microseconds. */
  ts: number;
  /** Of CPU time, in microseconds. */
  tdur?: number;
}

/**
 * The CPU time of each task of the page's main thread, from the mark on, while `work` runs, in milliseconds. Browsers call a
 * task long by the clock, but the server and the browser's other threads have the same cores here, and take their time meanwhile.
 */
export async function tasksDuring(page: Page, work: () => Promise<void>): Promise<number[]> {
  const browser = page.context().browser();
  await browser?.startTracing(page, { categories: ["disabled-by-default-devtools.timeline", "blink.user_timing"] });
  await work();
  const { traceEvents: events } = JSON.parse(String(await browser?.stopTracing())) as { traceEvents: TraceEvent[] };
  const ready = events.find(({ name }) => name === READY);
  const isMain = ({ pid, tid }: TraceEvent) => pid === ready?.pid && tid === ready.tid;
  return events
    .filter((event) => event.name === "RunTask" && event.ph === "X" && isMain(event))
    .filter(({ ts }) => ready && ts > ready.ts)
    .map(({ tdur = Number.POSITIVE_INFINITY }) => tdur / 1_000);
}
