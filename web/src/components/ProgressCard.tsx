import { useLanguage } from "../i18n/LanguageProvider.tsx";
import type { Language } from "../i18n/language.ts";
import type { Phase } from "../lib/analysis.ts";
import type { Picture } from "../lib/visit.ts";
import { ProgressBar } from "./ProgressBar.tsx";

/** The least bytes of an upload whose progress is shown in per cent. A smaller one ends too soon. */
const LARGE = 250_000;

interface Props {
  picture: Picture;
  onCancel: () => void;
}

/** The current phase of an analysis, its progress, and the button that cancels it. */
export function ProgressCard({ picture, onCancel }: Props) {
  const language = useLanguage();
  const { title, detail, done } = describe(picture.phase, language);
  return (
    <div class="card">
      <h1 class="title quiet">{title}</h1>
      <ProgressBar label={title} done={done} />
      <p class="progress-detail">{detail ?? picture.file.name}</p>
      <button type="button" class="button" onClick={onCancel}>
        {language.t("progress.cancel")}
      </button>
    </div>
  );
}

interface Description {
  title: string;
  detail?: string;
  /** 0 to 1, or undefined if unknown. */
  done?: number;
}

function describe(phase: Phase, language: Language): Description {
  const { t, format } = language;
  switch (phase.name) {
    case "waiting":
      return { title: t("phase.waiting"), detail: t("progress.turn") };
    case "uploading":
      return phase.bytes < LARGE
        ? { title: t("phase.analyzing") }
        : {
            title: t("phase.uploading", { percent: format.progress(phase.fraction) }),
            detail: t("progress.sent", {
              sent: format.bytes(phase.fraction * phase.bytes),
              all: format.bytes(phase.bytes),
            }),
            done: phase.fraction,
          };
    case "busy": {
      const { message } = phase.failure.tell(language);
      return { title: t("phase.busy"), detail: t("progress.retry", { message, time: format.seconds(phase.seconds) }) };
    }
    default:
      return { title: t("phase.analyzing") };
  }
}
