import { useEffect, useState } from "preact/hooks";
import { useLanguage } from "../../i18n/LanguageProvider.tsx";
import type { Answer, Model } from "../../lib/api.ts";
import { type Failure, failures } from "../../lib/failure.ts";
import { useEscape } from "../../lib/live/useEscape.ts";
import { useEvent } from "../../lib/useEvent.ts";
import { FailureCard } from "../FailureCard.tsx";
import { LiveStage } from "./LiveStage.tsx";
import type { LiveView } from "./LiveView.tsx";

export interface LiveProps {
  model: Model | undefined;
  onAnswer: (answer: Answer) => void;
  /** Called with a frame that the visitor keeps. */
  onPicture: (files: File[]) => void;
  onClose: () => void;
}

interface Loading {
  View?: typeof LiveView;
  failure?: Failure;
}

/** The live view. Its code is loaded when it is opened. Escape closes it. */
export function Live(props: LiveProps) {
  const { t } = useLanguage();
  const [{ View, failure }, setLoading] = useState<Loading>({});
  const load = () =>
    import("./LiveView.tsx").then(
      ({ LiveView }) => setLoading({ View: LiveView }),
      () => setLoading({ failure: failures.notLoaded() }),
    );
  const begin = useEvent(load);
  useEffect(() => {
    begin();
  }, [begin]);
  useEscape(props.onClose);

  if (View) {
    return <View {...props} />;
  }
  return (
    <LiveStage phase={failure ? "failed" : "opening"} onClose={props.onClose} spoken={failure}>
      {failure ? (
        <FailureCard
          failure={failure}
          onRetry={() => {
            setLoading({});
            load();
          }}
        />
      ) : (
        <h1 class="title quiet">{t("live.opening")}</h1>
      )}
    </LiveStage>
  );
}
