import { useLanguage } from "../i18n/LanguageProvider.tsx";
import type { Phase } from "../lib/analysis.ts";
import { analyzeUrl, type Model } from "../lib/api.ts";
import { asCurl, asJson } from "../lib/copying.ts";
import { readKey } from "../lib/key.ts";
import { heading, whereText } from "../lib/labels.ts";
import { named } from "../lib/model.ts";
import type { Look } from "../lib/useLook.ts";
import type { Picture } from "../lib/visit.ts";
import { ConfidenceBars } from "./ConfidenceBars.tsx";
import { CopyButton } from "./CopyButton.tsx";
import { Original } from "./Original.tsx";
import { Timings } from "./Timings.tsx";

interface Props {
  picture: Picture;
  phase: Extract<Phase, { name: "answered" }>;
  look: Look;
  /** The model that answered, if another one serves now. */
  earlier: Model | undefined;
}

/** The answer: the first label in large type, all of them as bars, and the timings. */
export function AnswerCard({ picture, phase, look, earlier }: Props) {
  const language = useLanguage();
  const { t, format } = language;
  const { answer, milliseconds, sent } = phase;
  const [first] = answer.predictions;
  const shown = look.rank === undefined ? undefined : answer.predictions[look.rank];
  const size = format.bytes(picture.file.size);
  const url = new URL(analyzeUrl(), document.baseURI).href;
  return (
    <div class="card">
      <div>
        <h1 class="title" data-testid="top-label">
          {heading(answer, language)}
        </h1>
        {first && <Original label={first.label} />}
      </div>
      {first ? (
        <ConfidenceBars key={picture.id} predictions={answer.predictions} look={look} />
      ) : (
        <p>{t("answer.nothingText")}</p>
      )}
      {shown && (
        <p class="small where-text" data-testid="where">
          {whereText(shown, language)}
        </p>
      )}
      <div class="small">
        <Timings timings={answer.timings} roundTrip={milliseconds} />
        <p class="quiet" data-testid="sent">
          {sent < picture.file.size
            ? t("answer.sentSmaller", { sent: format.bytes(sent), size })
            : t("answer.sentAsIs", { size: format.bytes(sent) })}
        </p>
        {earlier && <p class="quiet">{t("answer.earlier", { model: named(earlier, language) })}</p>}
      </div>
      <div class="copy-buttons">
        <CopyButton label={t("copy.json")} text={asJson(answer)} />
        <CopyButton label={t("copy.curl")} text={asCurl(picture.file.name, url, readKey() !== undefined)} />
      </div>
    </div>
  );
}
