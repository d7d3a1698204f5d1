import { useLanguage } from "../../i18n/LanguageProvider.tsx";
import type { Language } from "../../i18n/language.ts";
import { heading } from "../../lib/labels.ts";
import { firstOf } from "../../lib/many/choice.ts";
import type { Picture } from "../../lib/visit.ts";
import { Icon, IMAGE } from "../icons.tsx";

interface Props {
  picture: Picture;
  /** From 1. */
  column: number;
  isSelected: boolean;
  /** Whether the Tab key leads here. */
  isReached: boolean;
  onSelect: () => void;
}

/** A picture of the gallery with its answer in short. Choosing it shows it again. */
export function Cell({ picture, column, isSelected, isReached, onSelect }: Props) {
  const language = useLanguage();
  const first = firstOf(picture);
  const { thumbnail, phase, id, file } = picture;
  return (
    // biome-ignore lint/a11y/useFocusableInteractive: the button in it takes the focus
    // biome-ignore lint/a11y/useSemanticElements: a table can't leave out rows
    <div role="gridcell" aria-colindex={column}>
      <button
        type="button"
        class="cell"
        tabIndex={isReached ? 0 : -1}
        title={file.name}
        aria-current={isSelected ? "true" : undefined}
        data-id={id}
        data-phase={phase.name}
        onClick={onSelect}
      >
        <span class="cell-frame">
          {thumbnail ? <img src={thumbnail} alt="" decoding="async" /> : <Icon path={IMAGE} class="quiet" />}
          {first && (
            <span class="cell-confidence" aria-hidden="true">
              {language.format.wholePercent(first.confidence)}
            </span>
          )}
        </span>
        <span class="cell-caption">{caption(picture, language)}</span>
      </button>
    </div>
  );
}

function caption({ phase }: Picture, language: Language): string {
  const { t } = language;
  switch (phase.name) {
    case "answered":
      return heading(phase.answer, language);
    case "failed":
      return phase.failure.tell(language).title;
    case "cancelled":
      return t("phase.cancelled");
    case "waiting":
      return t("phase.waiting");
    default:
      return t("phase.analyzing");
  }
}
