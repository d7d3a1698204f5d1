/** Draws smaller copies of pictures in workers. */

import { type Drawn, draw, type Wanted } from "./drawing.ts";
import type { Order } from "./drawing.worker.ts";

/** The most workers. Each may hold a whole photograph: 48 MB for 12 megapixels. */
const MOST = 4;
/** Milliseconds after which a picture counts as one that can't be drawn. */
const PATIENCE = 60_000;

interface Task extends Order {
  resolve: (drawn: Drawn) => void;
}

/** A pool of workers that are started when there is work for them. */
export class Studio {
  readonly #size: number;
  readonly #idle: Worker[] = [];
  readonly #tasks: Task[] = [];
  #count = 0;
  #isBroken = false;

  constructor(cores = navigator.hardwareConcurrency ?? 1) {
    // One core is left to the page.
    this.#size = Math.min(MOST, Math.max(1, cores - 1));
  }

  /** Draws what is wanted of a picture. Nothing of a picture that can't be drawn. Never throws. */
  draw(file: Blob, wanted: Wanted): Promise<Drawn> {
    return new Promise((resolve) => {
      this.#tasks.push({ file, wanted, resolve });
      this.#work();
    });
  }

  #work() {
    while (this.#tasks.length > 0) {
      const worker = this.#isBroken ? undefined : this.#worker();
      if (!worker && !this.#isBroken) {
        return;
      }
      const task = this.#tasks.shift() as Task;
      if (worker) {
        this.#give(worker, task);
      } else {
        draw(task.file, task.wanted).then(task.resolve);
      }
    }
  }

  /** An idle worker, or a new one while there may be more. */
  #worker(): Worker | undefined {
    const idle = this.#idle.pop();
    if (idle || this.#count === this.#size) {
      return idle;
    }
    try {
      if (typeof OffscreenCanvas !== "function") {
        throw new Error("workers can't draw");
      }
      const worker = new Worker(new URL("./drawing.worker.ts", import.meta.url), { type: "module" });
      this.#count += 1;
      return worker;
    } catch {
      this.#isBroken = true;
      return undefined;
    }
  }

  #give(worker: Worker, task: Task) {
    const end = (next: () => void) => {
      clearTimeout(patience);
      worker.onmessage = null;
      worker.onerror = null;
      next();
      this.#work();
    };
    const patience = setTimeout(() => {
      end(() => {
        this.#dismiss(worker);
        task.resolve({});
      });
    }, PATIENCE);
    worker.onmessage = ({ data }: MessageEvent<Drawn>) => {
      end(() => {
        this.#idle.push(worker);
        task.resolve(data);
      });
    };
    worker.onerror = (event) => {
      event.preventDefault();
      end(() => {
        // Its script could not be loaded, or runs out of memory. The page draws instead.
        this.#dismiss(worker);
        this.#isBroken = true;
        this.#tasks.unshift(task);
      });
    };
    worker.postMessage({ file: task.file, wanted: task.wanted } satisfies Order);
  }

  #dismiss(worker: Worker) {
    worker.terminate();
    this.#count -= 1;
  }
}
