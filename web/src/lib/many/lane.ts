/** A batch on its way: its pictures are prepared, sent and answered. */

import { unlessAborted } from "../abort.ts";
import type { Phase } from "../analysis.ts";
import { checkSize } from "../api.ts";
import { asFailure, Failure, isPassing } from "../failure.ts";
import { checkReadable } from "../files.ts";
import { analyzeBatch, type Result } from "./batch.ts";
import type { Job, Settings } from "./sender.ts";

/** Bytes of a form beside each file: the delimiter, the headers and the line breaks. */
const BESIDE = 300;

export interface Batch {
  /** Resolves when the request has ended. Rejects with the failure of the request as a whole. */
  done: Promise<void>;
  /** The pictures that have no result. */
  left: () => Job[];
  /** The same, and removes them. */
  take: () => Job[];
  /** Removes pictures, and ends the request once none is left. Returns those that were in the batch. */
  drop: (ids: Set<number>) => number[];
}

interface Prepared {
  job: Job;
  picture: Blob;
}

/** Sends pictures as a batch. Those that can't be read or are too large get their failure without being sent. */
export function sendBatch(jobs: Job[], settings: Settings, report: (phases: Map<number, Phase>) => void): Batch {
  const controller = new AbortController();
  const left = new Map(jobs.map((job) => [job.id, job]));
  const settle = (id: number, phase: Phase) => {
    if (left.delete(id)) {
      report(new Map([[id, phase]]));
    }
  };

  const run = async () => {
    report(new Map(jobs.map(({ id }) => [id, { name: "preparing" }])));
    const prepared = await unlessAborted(
      Promise.all(jobs.map((job) => prepare(job, settings, settle))),
      controller.signal,
    );
    const sent = fitting(
      prepared.filter((it) => it !== undefined).filter(({ job }) => left.has(job.id)),
      settings.limits?.bodyBytes,
    );
    if (sent.length === 0) {
      return;
    }
    const begun = performance.now();
    let passing: Failure | undefined;
    await analyzeBatch(
      sent.map(({ job, picture }) => ({ picture, name: job.file.name })),
      {
        signal: controller.signal,
        limits: settings.limits,
        explains: settings.explains,
        onUploaded: () =>
          report(new Map(sent.filter(({ job }) => left.has(job.id)).map(({ job }) => [job.id, ANALYZING]))),
        onResults: (results) => {
          const phases = new Map<number, Phase>();
          for (const [index, result] of results) {
            const it = sent[index];
            if (result instanceof Failure && isPassing(result)) {
              passing = result;
              continue;
            }
            const phase = it && phaseOf(result, performance.now() - begun, it.picture.size);
            if (phase && left.delete(it.job.id)) {
              phases.set(it.job.id, phase);
            }
          }
          report(phases);
        },
      },
    );
    if (passing) {
      // The server had no time for some of the pictures. They are sent again, but not at once.
      throw passing;
    }
  };

  return {
    done: run(),
    left: () => [...left.values()],
    take: () => {
      const taken = [...left.values()];
      left.clear();
      return taken;
    },
    drop: (ids) => {
      const dropped = [...left.keys()].filter((id) => ids.has(id) && left.delete(id));
      if (left.size === 0) {
        controller.abort();
      }
      return dropped;
    },
  };
}

const ANALYZING: Phase = { name: "analyzing" };

async function prepare(
  job: Job,
  { prepare, limits }: Settings,
  settle: (id: number, phase: Phase) => void,
): Promise<Prepared | undefined> {
  try {
    await checkReadable(job.file);
    const picture = await prepare(job);
    checkSize(picture, limits);
    return { job, picture };
  } catch (error) {
    settle(job.id, { name: "failed", failure: asFailure(error) });
    return undefined;
  }
}

/** The first pictures that fit in a body together, at least one. */
function fitting(prepared: Prepared[], bodyBytes = Number.POSITIVE_INFINITY): Prepared[] {
  let bytes = 0;
  const end = prepared.findIndex(({ picture }) => {
    bytes += picture.size + BESIDE;
    return bytes > bodyBytes;
  });
  return end < 0 ? prepared : prepared.slice(0, Math.max(1, end));
}

function phaseOf(result: Result, milliseconds: number, sent: number): Phase {
  return result instanceof Failure
    ? { name: "failed", failure: result }
    : { name: "answered", answer: result, milliseconds, sent };
}
