import { useLanguage } from "../i18n/LanguageProvider.tsx";
import type { TextKey } from "../i18n/language.ts";
import { type Timing, total } from "../lib/serverTiming.ts";

/** The stages that have a name in each language. */
const STAGES = new Map<string, TextKey>([
  ["queue", "timings.queue"],
  ["decode", "timings.decode"],
  ["resize", "timings.resize"],
  ["inference", "timings.inference"],
]);

interface Props {
  timings: Timing[];
  /** Milliseconds from the start of reading the file to the last byte of the answer. */
  roundTrip: number;
}

/** The time of each of the server's stages, and the total time. */
export function Timings({ timings, roundTrip }: Props) {
  const { t, format } = useLanguage();
  const all = format.duration(roundTrip);
  if (timings.length === 0) {
    return <p class="quiet">{t("timings.all", { all })}</p>;
  }
  const stages = timings.map(({ name, milliseconds }) => {
    const key = STAGES.get(name);
    return t("timings.stage", { name: key ? t(key) : name, time: format.duration(milliseconds) });
  });
  return (
    <>
      <p class="timings-sum" data-testid="server-time">
        {t("timings.sum", { server: format.duration(total(timings)), all })}
      </p>
      <p class="quiet timings-stages">{stages.join(" · ")}</p>
    </>
  );
}
