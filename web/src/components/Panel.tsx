import { useRef } from "react";
import type { Picture } from "../lib/visit.ts";
import { AnswerCard } from "./AnswerCard.tsx";
import { FailureCard } from "./FailureCard.tsx";
import { ProgressCard } from "./ProgressCard.tsx";

interface Props {
  picture: Picture;
  onCancel: (id: number) => void;
  onRetry: (id: number) => void;
}

/** What there is to say of the picture that is looked at. Its height is that of an answer: nothing jumps. */
export function Panel({ picture, onCancel, onRetry }: Props) {
  const section = useRef<HTMLElement>(null);
  /** The button that was pressed is gone afterwards: the focus goes to what has come in its place. */
  const keepingFocus = (act: (id: number) => void) => (id: number) => {
    act(id);
    section.current?.focus({ preventScroll: true });
  };
  return (
    <section
      ref={section}
      tabIndex={-1}
      className="panel"
      aria-label="Answer"
      data-testid="panel"
      data-phase={picture.phase.name}
    >
      <Content picture={picture} onCancel={keepingFocus(onCancel)} onRetry={keepingFocus(onRetry)} />
    </section>
  );
}

function Content({ picture, onCancel, onRetry }: Props) {
  const { id, phase } = picture;
  switch (phase.name) {
    case "answered":
      return <AnswerCard picture={picture} phase={phase} />;
    case "failed":
      return <FailureCard failure={phase.failure} onRetry={() => onRetry(id)} />;
    case "cancelled":
      return <FailureCard onRetry={() => onRetry(id)} />;
    default:
      return <ProgressCard picture={picture} onCancel={() => onCancel(id)} />;
  }
}
