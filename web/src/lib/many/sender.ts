/** Sends the pictures of a visit as fast as the server takes them, and no faster. */

import { analyzePicture, countDown, type Phase } from "../analysis.ts";
import type { Limits } from "../api.ts";
import { asFailure, type Failure, isPassing } from "../failure.ts";
import { type Batch, sendBatch } from "./lane.ts";

/** Waiting pictures from which they are sent in batches. Fewer are sent one by one, which shows the progress of each. */
export const MANY = 4;
/** The most pictures of a batch. Others' pictures wait at the server for at most `LANES` times as many. */
export const MOST = 8;
/** The pictures of the first batch. */
const FIRST = 4;
/** Batches at a time: one is prepared and uploaded while the other one is analyzed. */
export const LANES = 2;

export interface Job {
  id: number;
  file: File;
}

/** What pictures are sent with. It may change at any time. */
export interface Settings {
  /** The file as it is sent. */
  prepare: (job: Job) => Promise<Blob>;
  limits: Limits | undefined;
  explains: boolean;
}

/** What the sending as a whole is doing. */
export type Run =
  | { name: "running" }
  | { name: "paused" }
  /** The server has asked to wait. */
  | { name: "busy"; failure: Failure; seconds: number }
  /** No picture can be sent, so that none is tried until the visitor says so. */
  | { name: "halted"; failure: Failure };

export interface Client {
  settings: () => Settings;
  report: (phases: Map<number, Phase>) => void;
  tell: (run: Run) => void;
}

interface Waiting extends Job {
  /** Whether it goes alone, because the server has refused a batch with it. */
  isAlone?: boolean;
}

export class Sender {
  readonly #client: Client;
  #waiting: Waiting[] = [];
  #single: (Job & { controller: AbortController }) | undefined;
  readonly #batches = new Set<Batch>();
  /** The pictures of the next batch. It grows with each answer, and is halved when the server is busy. */
  #size = FIRST;
  #run: Run = { name: "running" };
  #rest: AbortController | undefined;

  constructor(client: Client) {
    this.#client = client;
  }

  /** Adds pictures that wait. A few go before those that wait already. */
  add(jobs: Job[]) {
    this.#waiting = jobs.length < MANY ? [...jobs, ...this.#waiting] : [...this.#waiting, ...jobs];
    this.#go();
  }

  cancel(ids: Iterable<number>) {
    const gone = new Set(ids);
    const cancelled = this.#waiting.filter(({ id }) => gone.has(id)).map(({ id }) => id);
    this.#waiting = this.#waiting.filter(({ id }) => !gone.has(id));
    for (const batch of this.#batches) {
      cancelled.push(...batch.drop(gone));
    }
    this.#report(cancelled, { name: "cancelled" });
    if (this.#single && gone.has(this.#single.id)) {
      this.#single.controller.abort();
    }
    if (this.#waiting.length === 0 && this.#run.name !== "running") {
      this.resume();
    }
  }

  /** Sends no more. What is under way is finished. */
  pause() {
    this.#rest?.abort();
    this.#tell({ name: "paused" });
  }

  resume() {
    this.#rest?.abort();
    this.#tell({ name: "running" });
    this.#go();
  }

  #go() {
    while (this.#run.name === "running" && this.#waiting.length > 0 && !this.#single) {
      if (this.#isNextAlone()) {
        if (this.#batches.size === 0) {
          this.#sendOne(this.#waiting.shift() as Job);
        }
        return;
      }
      if (this.#batches.size === LANES) {
        return;
      }
      const alone = this.#waiting.findIndex(({ isAlone }) => isAlone);
      const count = Math.min(this.#size, this.#most(), alone < 0 ? this.#waiting.length : alone);
      this.#sendBatch(this.#waiting.splice(0, count));
    }
  }

  #isNextAlone(): boolean {
    const isFew = this.#waiting.length < MANY && this.#batches.size === 0;
    return isFew || this.#waiting[0]?.isAlone === true || this.#most() < 2;
  }

  #most(): number {
    return Math.min(MOST, this.#client.settings().limits?.batch ?? MOST);
  }

  async #sendOne(job: Job) {
    const controller = new AbortController();
    this.#single = { ...job, controller };
    const { prepare, limits, explains } = this.#client.settings();
    await analyzePicture(job.file, {
      signal: controller.signal,
      prepare: () => prepare(job),
      limits,
      explains,
      report: (phase) => this.#report([job.id], phase),
    });
    this.#single = undefined;
    this.#go();
  }

  async #sendBatch(jobs: Job[]) {
    const batch = sendBatch(jobs, this.#client.settings(), this.#client.report);
    this.#batches.add(batch);
    try {
      await batch.done;
      this.#size = Math.min(this.#size + 1, MOST);
    } catch (error) {
      this.#fail(asFailure(error), batch);
    }
    this.#batches.delete(batch);
    // What was not sent, because a body has a largest size, or what the server has had no time for.
    this.#putBack(batch.left());
    this.#go();
  }

  #fail(failure: Failure, batch: Batch) {
    if (batch.left().length === 0) {
      // It was cancelled.
      return;
    }
    if (isPassing(failure)) {
      this.#size = Math.max(1, Math.floor(this.#size / 2));
      this.#waitFor(failure);
    } else if (failure.kind === "refused" || failure.kind === "tooLarge") {
      // One of them may be the reason. Each is answered on its own.
      this.#putBack(batch.take().map((job) => ({ ...job, isAlone: true })));
    } else {
      this.#tell({ name: "halted", failure });
    }
  }

  async #waitFor(failure: Failure) {
    if (this.#run.name !== "running") {
      return;
    }
    const rest = new AbortController();
    this.#rest = rest;
    try {
      await countDown(failure, rest.signal, (busy) => this.#tell(busy));
      this.resume();
    } catch {
      // The visitor has paused or gone on.
    }
  }

  #putBack(jobs: Waiting[]) {
    this.#waiting = [...jobs, ...this.#waiting];
    this.#report(
      jobs.map(({ id }) => id),
      { name: "waiting" },
    );
  }

  #report(ids: number[], phase: Phase) {
    if (ids.length > 0) {
      this.#client.report(new Map(ids.map((id) => [id, phase])));
    }
  }

  #tell(run: Run) {
    this.#run = run;
    this.#client.tell(run);
  }
}
