import { useMemo, useState } from "preact/hooks";
import { useLanguage } from "../../i18n/LanguageProvider.tsx";
import { type Choice, chosen, EVERYTHING } from "../../lib/many/choice.ts";
import { MANY } from "../../lib/many/sender.ts";
import type { VisitControls } from "../../lib/useVisit.ts";
import { Downloads } from "./Downloads.tsx";
import { Filters } from "./Filters.tsx";
import { Grid } from "./Grid.tsx";
import { RunBar } from "./RunBar.tsx";
import "./gallery.css";

/** The pictures of this visit with their answers: a grid, and the means to find one's way where there are many. */
export function Gallery({ visit }: { visit: VisitControls }) {
  const language = useLanguage();
  const { t, format } = language;
  const [choice, setChoice] = useState<Choice>(EVERYTHING);
  const { pictures, selected, select, show } = visit;
  const shown = useMemo(() => chosen(pictures, choice, language), [pictures, choice, language]);
  return (
    <>
      {pictures.length >= MANY && (
        <>
          <RunBar visit={visit} />
          <Filters pictures={pictures} choice={choice} onChange={setChoice} />
        </>
      )}
      {shown.length > 0 ? (
        <Grid pictures={shown} selected={selected?.id} onSelect={select} onInSight={show} />
      ) : (
        <p class="gallery-nothing quiet">{t("gallery.nothing")}</p>
      )}
      {pictures.length >= MANY && (
        <div class="gallery-foot">
          <p class="small quiet" data-testid="shown">
            {t("gallery.shown", { number: format.number(shown.length), all: format.number(pictures.length) })}
          </p>
          <Downloads pictures={shown} />
        </div>
      )}
    </>
  );
}
