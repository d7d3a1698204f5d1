import { useLanguage } from "../i18n/LanguageProvider.tsx";
import type { Language } from "../i18n/language.ts";
import { heading } from "../lib/labels.ts";
import type { Picture } from "../lib/visit.ts";
import { Preview } from "./Preview.tsx";
import "./strip.css";

interface Props {
  pictures: Picture[];
  selected: number | undefined;
  onSelect: (id: number) => void;
}

/** The pictures of this visit with their answers. Choosing one shows it again. */
export function Strip({ pictures, selected, onSelect }: Props) {
  const language = useLanguage();
  const { t } = language;
  return (
    <section class="strip-section" aria-labelledby="visit">
      <h2 id="visit" class="subtitle">
        {t("visit.heading")}
      </h2>
      {pictures.length === 0 ? (
        <p class="quiet">{t("visit.none")}</p>
      ) : (
        <ul class="strip">
          {pictures.map((picture) => (
            <li key={picture.id}>
              <button
                type="button"
                class="strip-picture"
                aria-current={picture.id === selected ? "true" : undefined}
                onClick={() => onSelect(picture.id)}
              >
                <span class="strip-frame">
                  <Preview url={picture.url} name={picture.file.name} fit="cover" />
                </span>
                <span class="strip-caption">{caption(picture, language)}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </section>
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
