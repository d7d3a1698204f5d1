import { useState } from "preact/hooks";
import type { Prediction } from "./api.ts";
import type { Picture } from "./visit.ts";

/** How maps are shown over the pictures of this visit. */
export interface Look {
  isOn: boolean;
  /** The opacity of a map, 0 to 1. */
  strength: number;
  /** The rank of the label whose map is shown, from 0. Undefined where the answer has no maps. */
  rank: number | undefined;
  turn: (isOn: boolean) => void;
  strengthen: (strength: number) => void;
  /** Shows the map of a label, until another one is chosen. */
  choose: (rank: number) => void;
  /** Shows the map of a label while the pointer is on it. */
  hover: (rank: number | undefined) => void;
}

interface Shown {
  picture: number | undefined;
  chosen?: number | undefined;
  hovered?: number | undefined;
}

const STRENGTH = 0.6;

/** The maps of the selected picture: which one is shown, and how. */
export function useLook(picture: Picture | undefined): Look {
  const [isOn, turn] = useState(true);
  const [strength, strengthen] = useState(STRENGTH);
  const [shown, setShown] = useState<Shown>({ picture: undefined });
  const id = picture?.id;
  const { chosen, hovered }: Partial<Shown> = shown.picture === id ? shown : {};
  const labels = predictionsOf(picture);
  const first = labels.findIndex(({ activation }) => activation);
  return {
    isOn,
    strength,
    rank: [hovered, chosen, first].find((rank) => rank !== undefined && labels[rank]?.activation),
    turn,
    strengthen,
    choose: (rank) => setShown({ picture: id, chosen: rank, hovered }),
    hover: (rank) => rank !== hovered && setShown({ picture: id, chosen, hovered: rank }),
  };
}

/** The labels of a picture's answer. None while it has no answer. */
export function predictionsOf(picture: Picture | undefined): Prediction[] {
  return picture?.phase.name === "answered" ? picture.phase.answer.predictions : [];
}
