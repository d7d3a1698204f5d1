import { useLanguage } from "../../i18n/LanguageProvider.tsx";
import { asCsv, asJsonList, download } from "../../lib/many/tables.ts";
import type { Picture } from "../../lib/visit.ts";
import { DOWNLOAD, Icon } from "../icons.tsx";

/** The name of the files without its ending. */
const NAME = "glimpse";

/** Gives the answers of the shown pictures as files. */
export function Downloads({ pictures }: { pictures: Picture[] }) {
  const language = useLanguage();
  const { t } = language;
  return (
    <div class="gallery-buttons">
      <button
        type="button"
        class="button button-small"
        onClick={() => download(`${NAME}.csv`, "text/csv", asCsv(pictures, language))}
      >
        <Icon path={DOWNLOAD} />
        {t("gallery.csv")}
      </button>
      <button
        type="button"
        class="button button-small"
        onClick={() => download(`${NAME}.json`, "application/json", asJsonList(pictures, language))}
      >
        <Icon path={DOWNLOAD} />
        {t("gallery.json")}
      </button>
    </div>
  );
}
