import { useEffect, useReducer, useRef } from "preact/hooks";
import type { Answer, Limits } from "./api.ts";
import { type Client, type Job, Sender } from "./many/sender.ts";
import { forget } from "./objectUrls.ts";
import { Studio } from "./studio.ts";
import { useEvent } from "./useEvent.ts";
import { EMPTY, hasEnded, MOST_PICTURES, type Picture, reduce, type Visit } from "./visit.ts";

export interface VisitOptions {
  shrinks: boolean;
  /** The short side to which large photographs are shrunk, in pixels. */
  shortSide: number;
  limits: Limits | undefined;
  /** Whether the model has maps to ask for. */
  explains: boolean;
  onAnswer: (answer: Answer) => void;
}

export interface VisitControls extends Omit<Visit, "selected"> {
  selected: Picture | undefined;
  /** Takes files, as many as there is room for. */
  add: (files: File[]) => void;
  select: (id: number) => void;
  cancel: (pictures: Picture[]) => void;
  retry: (pictures: Picture[]) => void;
  pause: () => void;
  resume: () => void;
  /** Forgets all pictures. */
  clear: () => void;
  /** Draws the thumbnails of pictures that are in sight. */
  show: (pictures: Picture[]) => void;
}

/** The pictures of this visit, which are analyzed as they come. */
export function useVisit(options: VisitOptions): VisitControls {
  const [visit, dispatch] = useReducer(reduce, EMPTY);
  const lastId = useRef(0);
  const studio = useRef<Studio>(undefined);
  const sender = useRef<Sender>(undefined);
  const inSight = useRef<Picture[]>([]);
  const isDrawing = useRef(false);
  /** Pictures whose thumbnail is there or on its way. */
  const drawn = useRef(new Set<number>());

  const draw = async ({ id, file }: Job, shortSide: number | undefined): Promise<Blob> => {
    const isFirst = !drawn.current.has(id);
    drawn.current.add(id);
    studio.current ??= new Studio();
    const { picture, thumbnail } = await studio.current.draw(file, { shortSide, thumbnail: isFirst });
    // A picture that was cleared meanwhile needs no thumbnail, whose URL nothing would revoke.
    if (isFirst && drawn.current.has(id)) {
      dispatch({ type: "drawn", id, thumbnail: thumbnail ? URL.createObjectURL(thumbnail) : null });
    }
    return picture ?? file;
  };

  const client: Client = {
    settings: () => ({
      prepare: (job) => draw(job, options.shrinks ? options.shortSide : undefined),
      limits: options.limits,
      explains: options.explains,
    }),
    report: (phases) => {
      dispatch({ type: "moved", phases });
      for (const phase of phases.values()) {
        if (phase.name === "answered") {
          options.onAnswer(phase.answer);
        }
      }
    },
    tell: (run) => dispatch({ type: "told", run }),
  };
  const settings = useEvent(client.settings);
  const report = useEvent(client.report);
  sender.current ??= new Sender({ settings, report, tell: client.tell });

  /** One after the other, those in sight first. */
  const drawInSight = useEvent(async () => {
    const next = () => inSight.current.find(({ id, thumbnail }) => thumbnail === undefined && !drawn.current.has(id));
    if (isDrawing.current) {
      return;
    }
    isDrawing.current = true;
    for (let picture = next(); picture; picture = next()) {
      await draw(picture, undefined);
    }
    isDrawing.current = false;
  });

  const all = useRef(visit.pictures);
  all.current = visit.pictures;
  // The page is left.
  useEffect(() => () => sender.current?.cancel(all.current.map(({ id }) => id)), []);

  return {
    ...visit,
    selected: visit.pictures.find(({ id }) => id === visit.selected),
    add: (files) => {
      const taken = files.slice(0, MOST_PICTURES - all.current.length);
      const pictures = taken.map((file): Picture => {
        lastId.current += 1;
        return { id: lastId.current, file, thumbnail: undefined, phase: { name: "waiting" } };
      });
      // More may come before the next rendering.
      all.current = [...all.current, ...pictures];
      dispatch({ type: "added", pictures, isFull: taken.length < files.length });
      sender.current?.add(pictures);
    },
    select: (id) => dispatch({ type: "selected", id }),
    cancel: (pictures) => sender.current?.cancel(pictures.filter((it) => !hasEnded(it)).map(({ id }) => id)),
    retry: (pictures) => {
      dispatch({ type: "moved", phases: new Map(pictures.map(({ id }) => [id, { name: "waiting" }])) });
      sender.current?.add(pictures);
    },
    pause: () => sender.current?.pause(),
    resume: () => sender.current?.resume(),
    clear: () => {
      sender.current?.cancel(visit.pictures.map(({ id }) => id));
      for (const { file, thumbnail } of visit.pictures) {
        forget(file);
        if (thumbnail) {
          URL.revokeObjectURL(thumbnail);
        }
      }
      drawn.current.clear();
      dispatch({ type: "cleared" });
    },
    show: (pictures) => {
      inSight.current = pictures;
      drawInSight();
    },
  };
}
