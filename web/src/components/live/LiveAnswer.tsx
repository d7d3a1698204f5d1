import { useLanguage } from "../../i18n/LanguageProvider.tsx";
import type { Language } from "../../i18n/language.ts";
import { heading } from "../../lib/labels.ts";
import type { View } from "../../lib/live/view.ts";
import { LiveBars } from "./LiveBars.tsx";

interface Props {
  view: View;
  /** The most labels of the chart. */
  places: number;
}

/** The smoothed labels of a live view with the frame rate, or what it waits for. */
export function LiveAnswer({ view, places }: Props) {
  const language = useLanguage();
  const { t } = language;
  const { phase, chart } = view;
  if (!chart) {
    const isStarting = phase.name === "starting";
    return (
      <div class="card live-card">
        <p class="small live-state">{phase.name === "busy" && state(view, language)}</p>
        <h1 class="title live-title quiet">{isStarting ? t("live.starting") : t("phase.analyzing")}</h1>
        {isStarting && <p>{t("live.startingText")}</p>}
      </div>
    );
  }
  return (
    <div class="card live-card" data-busy={phase.name !== "running"}>
      <p class="small live-state" data-testid="live-state">
        {state(view, language)}
      </p>
      <h1 class="title live-title" data-testid="live-label">
        {heading({ predictions: chart.rows }, language)}
      </h1>
      <LiveBars rows={chart.rows} places={places} />
      <p class="small quiet">{t("live.smoothed")}</p>
    </div>
  );
}

/** The frame rate, or the seconds until the next frame is sent. */
function state({ phase, rate }: View, language: Language): string {
  const { t, format } = language;
  switch (phase.name) {
    case "starting":
      return t("live.starting");
    case "busy": {
      const { title } = phase.failure.tell(language);
      return t("progress.retry", { message: title, time: format.seconds(phase.seconds) });
    }
    default:
      return rate.shown
        ? t("live.rate", {
            frames: format.rate(rate.shown.framesPerSecond),
            time: format.duration(rate.shown.milliseconds),
          })
        : t("phase.analyzing");
  }
}
