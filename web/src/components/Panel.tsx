import { useLanguage } from "../i18n/LanguageProvider.tsx";
import type { Model } from "../lib/api.ts";
import { useFocusKeeper } from "../lib/useFocusKeeper.ts";
import type { Look } from "../lib/useLook.ts";
import type { Picture } from "../lib/visit.ts";
import { AnswerCard } from "./AnswerCard.tsx";
import { FailureCard } from "./FailureCard.tsx";
import { ProgressCard } from "./ProgressCard.tsx";

interface Props {
  picture: Picture;
  look: Look;
  /** Whether there is room for the sentence about a map. */
  hasRoom: boolean;
  /** The model that answered, if another one serves now. */
  earlier: Model | undefined;
  onCancel: () => void;
  onRetry: () => void;
}

/** The selected picture's progress, answer or failure. The height is fixed to that of an answer, so that nothing jumps. */
export function Panel(props: Props) {
  const { t } = useLanguage();
  const { picture, hasRoom } = props;
  const section = useFocusKeeper(picture.phase.name);
  return (
    <section
      ref={section}
      tabIndex={-1}
      class={hasRoom ? "panel panel-roomy" : "panel"}
      aria-label={t("answer.region")}
      data-testid="panel"
      data-phase={picture.phase.name}
    >
      <Content {...props} />
    </section>
  );
}

function Content({ picture, look, earlier, onCancel, onRetry }: Props) {
  const { phase } = picture;
  switch (phase.name) {
    case "answered":
      return <AnswerCard picture={picture} phase={phase} look={look} earlier={earlier} />;
    case "failed":
      return <FailureCard failure={phase.failure} onRetry={onRetry} />;
    case "cancelled":
      return <FailureCard onRetry={onRetry} />;
    default:
      return <ProgressCard picture={picture} onCancel={onCancel} />;
  }
}
