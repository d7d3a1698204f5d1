import { useLanguage } from "../../i18n/LanguageProvider.tsx";
import type { Answer, Model } from "../../lib/api.ts";
import { failures } from "../../lib/failure.ts";
import { useEscape } from "../../lib/live/useEscape.ts";
import { useLoaded } from "../../lib/useLoaded.ts";
import { FailureCard } from "../FailureCard.tsx";
import { LiveStage } from "./LiveStage.tsx";

export interface LiveProps {
  model: Model | undefined;
  onAnswer: (answer: Answer) => void;
  /** Called with a frame that the visitor keeps. */
  onPicture: (files: File[]) => void;
  onClose: () => void;
}

/** The live view. Its code is loaded when it is opened. Escape closes it. */
export function Live(props: LiveProps) {
  const { t } = useLanguage();
  const loaded = useLoaded(true, () => import("./LiveView.tsx").then(({ LiveView }) => LiveView));
  useEscape(props.onClose);

  if (loaded.Component) {
    return <loaded.Component {...props} />;
  }
  const failure = loaded.hasFailed ? failures.notLoaded() : undefined;
  return (
    <LiveStage phase={failure ? "failed" : "opening"} onClose={props.onClose} spoken={failure}>
      {failure ? (
        <FailureCard failure={failure} onRetry={loaded.retry} />
      ) : (
        <h1 class="title quiet">{t("live.opening")}</h1>
      )}
    </LiveStage>
  );
}
