import type { TargetedEvent } from "preact";
import { useRef } from "preact/hooks";
import { useLanguage } from "../i18n/LanguageProvider.tsx";
import { isPicture, takeChosen } from "../lib/files.ts";
import { useLoaded } from "../lib/useLoaded.ts";
import type { VisitControls } from "../lib/useVisit.ts";
import { MOST_PICTURES } from "../lib/visit.ts";
import { FOLDER, Icon } from "./icons.tsx";
import "./visit-section.css";

/** Preact's types lack the attribute. */
const DIRECTORY = { webkitdirectory: true };

interface Props {
  visit: VisitControls;
  onFiles: (files: File[]) => void;
}

/** The pictures of this visit. The gallery is loaded with the first one. */
export function VisitSection({ visit, onFiles }: Props) {
  const { t, format } = useLanguage();
  const hasPictures = visit.pictures.length > 0;
  const gallery = useLoaded(hasPictures, () => import("./gallery/Gallery.tsx").then(({ Gallery }) => Gallery));
  const folder = useRef<HTMLInputElement>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  const clear = () => {
    // The button goes with the pictures.
    heading.current?.focus();
    visit.clear();
  };
  const take = ({ currentTarget }: TargetedEvent<HTMLInputElement>) =>
    onFiles(takeChosen(currentTarget).filter(isPicture));
  return (
    <section class="visit" aria-labelledby="visit">
      <div class="visit-head">
        <h2 ref={heading} id="visit" class="subtitle" tabIndex={-1}>
          {t("visit.heading")}
        </h2>
        {/* A touch screen's browser can't choose folders. */}
        <button type="button" class="button button-small for-mouse" onClick={() => folder.current?.click()}>
          <Icon path={FOLDER} />
          {t("visit.folder")}
        </button>
        <input ref={folder} type="file" hidden {...DIRECTORY} onChange={take} data-testid="folder" />
      </div>
      {!hasPictures && <p class="quiet">{t("visit.none")}</p>}
      {visit.isFull && <p role="alert">{t("visit.full", { number: format.number(MOST_PICTURES) })}</p>}
      {hasPictures && gallery.Component && <gallery.Component visit={{ ...visit, clear }} />}
      {gallery.hasFailed && <p role="alert">{t("visit.failed")}</p>}
    </section>
  );
}
