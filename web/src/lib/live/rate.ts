/** The frame rate of a live view, as it is shown. */

/** The time over which answers are counted, in milliseconds. */
const WINDOW = 2_000;
/** The least answers that are counted, for slow servers. */
const LEAST = 4;
/** The time for which a shown rate stays, in milliseconds. One that changes with every frame can't be read. */
const SHOWN_FOR = 500;

interface Answered {
  /** The time of an answer, in milliseconds. */
  at: number;
  /** Milliseconds from the drawing of the frame to its answer. */
  milliseconds: number;
}

export interface Rate {
  answers: Answered[];
  shown?: { framesPerSecond: number; milliseconds: number; at: number };
}

export const NO_RATE: Rate = { answers: [] };

/** Takes the time of the next answer. */
export function count({ answers, shown }: Rate, answer: Answered): Rate {
  const all = [...answers, answer];
  const recent = all.filter(({ at }, index) => answer.at - at <= WINDOW || index >= all.length - LEAST);
  const [first] = recent;
  if (!first || recent.length < 2 || (shown && answer.at - shown.at < SHOWN_FOR)) {
    return { answers: recent, ...(shown && { shown }) };
  }
  const framesPerSecond = (1_000 * (recent.length - 1)) / (answer.at - first.at);
  const milliseconds = recent.reduce((sum, { milliseconds }) => sum + milliseconds, 0) / recent.length;
  return { answers: recent, shown: { framesPerSecond, milliseconds, at: answer.at } };
}
