import { useLanguage } from "../i18n/LanguageProvider.tsx";
import type { Prediction } from "../lib/api.ts";
import type { Look } from "../lib/useLook.ts";
import { BarLabel } from "./BarLabel.tsx";
import "./bars.css";

/** The most labels that are all in sight. More of them scroll. */
const FEW = 5;

interface Props {
  predictions: Prediction[];
  look: Look;
}

/** The labels and their probabilities, as text and as bars. Those with a map are buttons that show it. */
export function ConfidenceBars({ predictions, look }: Props) {
  const language = useLanguage();
  const { t, format } = language;
  const count = predictions.length;
  const list = (
    <ol class="bars">
      {predictions.map((prediction, rank) => (
        // The index is part of the key, because two of ImageNet's labels name two classes each.
        // biome-ignore lint/suspicious/noArrayIndexKey: the list is never changed, only replaced
        <li key={rank}>
          {prediction.activation ? (
            <button
              type="button"
              class="bar"
              aria-pressed={rank === look.rank}
              onClick={() => look.choose(rank)}
              onFocus={() => look.choose(rank)}
              // Not on entering: a label may come below a pointer that rests. A finger chooses.
              onPointerMove={({ pointerType }) => pointerType === "mouse" && look.hover(rank)}
              onPointerLeave={() => look.hover(undefined)}
            >
              <Bar {...prediction} />
            </button>
          ) : (
            <div class="bar">
              <Bar {...prediction} />
            </div>
          )}
        </li>
      ))}
    </ol>
  );
  if (count <= FEW) {
    return list;
  }
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a keyboard can only scroll what has the focus
    <section class="bars-many" aria-label={t("answer.labels", { count, number: format.number(count) })} tabIndex={0}>
      {list}
    </section>
  );
}

function Bar({ label, confidence }: Prediction) {
  const language = useLanguage();
  return (
    <>
      <BarLabel label={label} />
      <span>{language.format.percent(confidence)}</span>
      <span class="bars-track">
        <span style={{ width: `${confidence * 100}%` }} />
      </span>
    </>
  );
}
