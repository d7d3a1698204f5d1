import { useEffect, useReducer, useRef } from "preact/hooks";
import { analyzePicture, type Phase } from "./analysis.ts";
import type { Answer, Limits } from "./api.ts";
import { useEvent } from "./useEvent.ts";
import { EMPTY, next, type Picture, reduce } from "./visit.ts";

export interface VisitOptions {
  shrinks: boolean;
  /** The short side to which large photographs are shrunk, in pixels. */
  shortSide: number;
  limits: Limits | undefined;
  /** Whether the model has maps to ask for. */
  explains: boolean;
  onAnswer: (answer: Answer) => void;
}

export interface VisitControls {
  pictures: Picture[];
  selected: Picture | undefined;
  add: (files: File[]) => void;
  select: (id: number) => void;
  cancel: (id: number) => void;
  retry: (id: number) => void;
}

/** The pictures of this visit. They are analyzed one at a time. */
export function useVisit(options: VisitOptions): VisitControls {
  const [visit, dispatch] = useReducer(reduce, EMPTY);
  const lastId = useRef(0);
  const running = useRef(new Map<number, AbortController>());

  const start = useEvent(({ id, file }: Picture) => {
    const controller = new AbortController();
    running.current.set(id, controller);
    const report = (phase: Phase) => {
      dispatch({ type: "moved", id, phase });
      if (phase.name === "answered") {
        options.onAnswer(phase.answer);
      }
    };
    analyzePicture(file, { signal: controller.signal, report, ...options }).finally(() => running.current.delete(id));
  });
  const turn = next(visit);
  useEffect(() => {
    if (turn && !running.current.has(turn.id)) {
      start(turn);
    }
  }, [turn, start]);

  const add = (files: File[]) => {
    const pictures = files.map((file): Picture => {
      lastId.current += 1;
      return { id: lastId.current, file, url: URL.createObjectURL(file), phase: { name: "waiting" } };
    });
    dispatch({ type: "added", pictures });
  };
  const move = (id: number, phase: Phase) => dispatch({ type: "moved", id, phase });

  return {
    pictures: visit.pictures,
    selected: visit.pictures.find(({ id }) => id === visit.selected),
    add,
    select: (id) => dispatch({ type: "selected", id }),
    cancel: (id) => {
      const controller = running.current.get(id);
      controller ? controller.abort() : move(id, { name: "cancelled" });
    },
    retry: (id) => move(id, { name: "waiting" }),
  };
}
