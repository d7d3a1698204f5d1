/** The pictures of this visit, newest last, and the selected one. Nothing is stored beyond the visit. */

import type { Phase } from "./analysis.ts";

export interface Picture {
  id: number;
  file: File;
  /** An object URL of the file, valid while the page is open. */
  url: string;
  phase: Phase;
}

export interface Visit {
  pictures: Picture[];
  /** The id of the selected picture. */
  selected: number | undefined;
}

export type Action =
  | { type: "added"; pictures: Picture[] }
  | { type: "moved"; id: number; phase: Phase }
  | { type: "selected"; id: number };

export const EMPTY: Visit = { pictures: [], selected: undefined };

export function reduce(visit: Visit, action: Action): Visit {
  switch (action.type) {
    case "added":
      return {
        pictures: [...visit.pictures, ...action.pictures],
        selected: action.pictures[0]?.id ?? visit.selected,
      };
    case "moved":
      return {
        ...visit,
        pictures: visit.pictures.map((it) => (it.id === action.id ? { ...it, phase: action.phase } : it)),
      };
    case "selected":
      return { ...visit, selected: action.id };
  }
}

const AT_REST = new Set<Phase["name"]>(["waiting", "answered", "failed", "cancelled"]);

/** Whether an analysis is in progress. */
export function isUnderWay({ phase }: Picture): boolean {
  return !AT_REST.has(phase.name);
}

/** The next picture to send. Pictures are sent one at a time, so that a visitor occupies one worker. */
export function next({ pictures }: Visit): Picture | undefined {
  return pictures.some(isUnderWay) ? undefined : pictures.find(({ phase }) => phase.name === "waiting");
}
