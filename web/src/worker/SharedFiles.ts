/** How long files wait for their page, in milliseconds. */
export const PATIENCE = 60_000;

interface Waiting {
  files: File[];
  release: () => void;
}

/** Files from the share menu. They are in memory only, until their page takes them or for a minute. */
export class SharedFiles {
  readonly #waiting = new Map<string, Waiting>();

  /** Keeps files and returns a promise that is resolved when they are gone. */
  keep(id: string, files: File[]): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.take(id), PATIENCE);
      const release = () => {
        clearTimeout(timer);
        resolve();
      };
      this.#waiting.set(id, { files, release });
    });
  }

  /** Returns the files of an id, once. */
  take(id: string): File[] {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    waiting?.release();
    return waiting?.files ?? [];
  }
}
