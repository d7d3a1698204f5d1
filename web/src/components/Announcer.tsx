import { useLanguage } from "../i18n/LanguageProvider.tsx";
import type { Language } from "../i18n/language.ts";
import type { Answer, Model } from "../lib/api.ts";
import { heading, labelName, whereText } from "../lib/labels.ts";
import { described } from "../lib/model.ts";
import { predictionsOf } from "../lib/useLook.ts";
import type { Picture } from "../lib/visit.ts";

/** The most labels of an answer that are read out. A multi-label model may give hundreds. */
const READ_OUT = 3;

interface Props {
  picture: Picture | undefined;
  /** The rank of the label whose map is shown. */
  rank: number | undefined;
  /** The model of the last change, if there was one. */
  change: Model | undefined;
}

/** Announces the state of the selected picture, and a change of the model, to screen readers. */
export function Announcer({ picture, rank, change }: Props) {
  const language = useLanguage();
  const shown = rank === undefined ? undefined : predictionsOf(picture)[rank];
  return (
    <div class="unseen">
      <div role="status" aria-live="polite">
        {picture && sentence(picture, language)}
      </div>
      {/* Apart, because a change of a status is read out with all of its text. */}
      <div aria-live="polite">{shown && whereText(shown, language)}</div>
      <div aria-live="polite" data-testid="model-change">
        {change && language.t("model.change", { model: described(change, language) })}
      </div>
    </div>
  );
}

function sentence({ file: { name: file }, phase }: Picture, language: Language): string {
  const { t } = language;
  switch (phase.name) {
    case "waiting":
      return t("spoken.waiting", { file });
    case "preparing":
    case "uploading":
      return t("spoken.sending", { file });
    case "analyzing":
      return t("spoken.analyzing", { file });
    case "busy":
      return t("spoken.busy", { ...phase.failure.tell(language) });
    case "answered":
      return t("spoken.answered", { file, answer: spoken(phase.answer, language) });
    case "failed":
      return t("spoken.failed", { ...phase.failure.tell(language) });
    case "cancelled":
      return t("spoken.cancelled", { file });
  }
}

function spoken(answer: Answer, language: Language): string {
  const { t, format } = language;
  const { predictions } = answer;
  if (predictions.length === 0) {
    return heading(answer, language);
  }
  const first = predictions
    .slice(0, READ_OUT)
    .map(({ label, confidence }) =>
      t("spoken.label", { label: labelName(label, language), percent: format.percent(confidence) }),
    );
  const others = predictions.length - first.length;
  const more = others > 0 ? [t("spoken.more", { number: format.number(others) })] : [];
  return [...first, ...more].join(t("spoken.separator"));
}
