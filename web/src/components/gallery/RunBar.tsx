import { useLanguage } from "../../i18n/LanguageProvider.tsx";
import type { Language } from "../../i18n/language.ts";
import { useRate } from "../../lib/many/useRate.ts";
import { useFocusKeeper } from "../../lib/useFocusKeeper.ts";
import type { VisitControls } from "../../lib/useVisit.ts";
import { hasEnded } from "../../lib/visit.ts";
import { KeyForm } from "../KeyForm.tsx";
import { ProgressBar } from "../ProgressBar.tsx";

/** The progress of all pictures together, and the buttons that pause, cancel and try again. */
export function RunBar({ visit }: { visit: VisitControls }) {
  const language = useLanguage();
  const { t, format } = language;
  const { pictures, run } = visit;
  const ended = pictures.filter(hasEnded).length;
  const isDone = ended === pictures.length;
  const { perSecond, elapsed } = useRate(ended, !isDone && (run.name === "running" || run.name === "busy"));
  const again = pictures.filter(({ phase }) => phase.name === "failed" || phase.name === "cancelled");
  const counts = { done: format.number(ended), all: format.number(pictures.length) };
  const bar = useFocusKeeper(`${run.name} ${isDone}`);
  const parts = isDone
    ? [
        t("run.ended", { count: pictures.length, number: counts.all, time: format.span(elapsed) }),
        again.length > 0 && t("run.without", { count: again.length, number: format.number(again.length) }),
      ]
    : [
        t("run.progress", counts),
        perSecond !== undefined && t("run.rate", { number: format.rate(perSecond) }),
        perSecond !== undefined &&
          perSecond > 0 &&
          t("run.left", { time: format.span(((pictures.length - ended) / perSecond) * 1_000) }),
      ];
  const text = parts.filter(Boolean).join(t("run.separator"));
  return (
    <section
      ref={bar}
      class="run"
      tabIndex={-1}
      aria-label={t("run.region")}
      data-testid="run"
      data-run={isDone ? "ended" : run.name}
    >
      <ProgressBar label={t("run.progress", counts)} done={ended / pictures.length} />
      <p class="run-text">{text}</p>
      <p class="run-state quiet">{!isDone && stateOf(visit, language)}</p>
      {!isDone && run.name === "halted" && run.failure.kind === "unauthorized" && <KeyForm onKey={visit.resume} />}
      <div class="gallery-buttons">
        {isDone ? (
          <>
            {again.length > 0 && (
              <button type="button" class="button" onClick={() => visit.retry(again)}>
                {t("run.retry")}
              </button>
            )}
            <button type="button" class="button" onClick={visit.clear}>
              {t("run.clear")}
            </button>
          </>
        ) : (
          <>
            {run.name === "running" || run.name === "busy" ? (
              <button type="button" class="button" onClick={visit.pause}>
                {t("run.pause")}
              </button>
            ) : (
              <button type="button" class="button button-strong" onClick={visit.resume}>
                {run.name === "paused" ? t("run.resume") : t("failure.tryAgain")}
              </button>
            )}
            <button type="button" class="button" onClick={() => visit.cancel(pictures)}>
              {t("run.cancel")}
            </button>
          </>
        )}
      </div>
      <div class="unseen" role="status">
        {isDone && text}
        {!isDone && run.name === "halted" && stateOf(visit, language)}
      </div>
    </section>
  );
}

/** What keeps the pictures from being sent. */
function stateOf({ run }: VisitControls, language: Language): string | undefined {
  const { t, format } = language;
  switch (run.name) {
    case "paused":
      return t("run.paused");
    case "busy": {
      const { message } = run.failure.tell(language);
      return t("progress.retry", { message, time: format.seconds(run.seconds) });
    }
    case "halted":
      return t("spoken.failed", { ...run.failure.tell(language) });
    default:
      return undefined;
  }
}
