import { useLanguage } from "../../i18n/LanguageProvider.tsx";
import type { Prediction } from "../../lib/api.ts";
import { BarLabel } from "../BarLabel.tsx";
import "../bars.css";

interface Props {
  rows: Prediction[];
  /** The rows that have room. */
  places: number;
}

/** Bars that glide from one confidence to the next. Each row stays in its place, whatever its label is. */
export function LiveBars({ rows, places }: Props) {
  const language = useLanguage();
  return (
    <ol class="bars live-bars" style={{ "--places": places }}>
      {rows.map(({ label, confidence }, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the place is what a row keeps
        <li key={place} class="bar">
          <BarLabel label={label} />
          <span>{language.format.wholePercent(confidence)}</span>
          <span class="bars-track">
            <span style={{ transform: `translateX(${(confidence - 1) * 100}%)` }} />
          </span>
        </li>
      ))}
    </ol>
  );
}
