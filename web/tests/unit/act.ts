import { act as flush } from "@testing-library/preact";

/** Long enough for a stubbed response to be read, in milliseconds. */
const SETTLED_AFTER = 20;

/** Runs something, waits for what follows from it, and renders. Preact's own `act` does not wait for promises. */
export function act(run: () => unknown): Promise<void> {
  return flush(async () => {
    await run();
    await new Promise((resolve) => setTimeout(resolve, SETTLED_AFTER));
  });
}
