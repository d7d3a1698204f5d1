/** The pictures of this visit, newest last, and the selected one. Nothing is stored beyond the visit. */

import type { Phase } from "./analysis.ts";
import type { Run } from "./many/sender.ts";

/** The most pictures of a visit: a folder may be a whole disk. */
export const MOST_PICTURES = 10_000;

export interface Picture {
  id: number;
  file: File;
  /** An object URL of its thumbnail. Null if the browser can't draw it, undefined while it is not drawn. */
  thumbnail: string | null | undefined;
  phase: Phase;
}

export interface Visit {
  pictures: Picture[];
  /** The id of the selected picture. */
  selected: number | undefined;
  run: Run;
  /** Whether pictures were left out, because there were too many. */
  isFull: boolean;
}

export type Action =
  | { type: "added"; pictures: Picture[]; isFull?: boolean }
  | { type: "moved"; phases: Map<number, Phase> }
  | { type: "drawn"; id: number; thumbnail: string | null }
  | { type: "told"; run: Run }
  | { type: "selected"; id: number }
  | { type: "cleared" };

export const EMPTY: Visit = { pictures: [], selected: undefined, run: { name: "running" }, isFull: false };

export function reduce(visit: Visit, action: Action): Visit {
  const { pictures } = visit;
  switch (action.type) {
    case "added":
      return {
        ...visit,
        pictures: [...pictures, ...action.pictures],
        selected: action.pictures[0]?.id ?? visit.selected,
        isFull: action.isFull ?? false,
      };
    case "moved":
      return {
        ...visit,
        pictures: pictures.map((it) => {
          const phase = action.phases.get(it.id);
          return phase ? { ...it, phase } : it;
        }),
      };
    case "drawn": {
      const { id, thumbnail } = action;
      return { ...visit, pictures: pictures.map((it) => (it.id === id ? { ...it, thumbnail } : it)) };
    }
    case "told":
      return { ...visit, run: action.run };
    case "selected":
      return { ...visit, selected: action.id };
    case "cleared":
      return EMPTY;
  }
}

const AT_REST = new Set<Phase["name"]>(["waiting", "answered", "failed", "cancelled"]);
const ENDED = new Set<Phase["name"]>(["answered", "failed", "cancelled"]);

/** Whether an analysis is in progress. */
export function isUnderWay({ phase }: Picture): boolean {
  return !AT_REST.has(phase.name);
}

/** Whether there is nothing more to come, unless it is tried again. */
export function hasEnded({ phase }: Picture): boolean {
  return ENDED.has(phase.name);
}
