import type { Prediction } from "../lib/api.ts";
import { percent, words } from "../lib/format.ts";
import "./bars.css";

/** The most labels that are all in sight. More of them scroll. */
const FEW = 5;

/** The labels and their probabilities, as text and as bars. */
export function ConfidenceBars({ predictions }: { predictions: Prediction[] }) {
  const list = (
    <ol className="bars">
      {predictions.map(({ label, confidence }, rank) => (
        // The index is part of the key, because two of ImageNet's labels name two classes each.
        // biome-ignore lint/suspicious/noArrayIndexKey: the list is never changed, only replaced
        <li key={rank}>
          <span className="bars-label">{words(label)}</span>
          <span>{percent(confidence)}</span>
          <span className="bars-track">
            <span style={{ width: `${confidence * 100}%` }} />
          </span>
        </li>
      ))}
    </ol>
  );
  if (predictions.length <= FEW) {
    return list;
  }
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a keyboard can only scroll what has the focus
    <section className="bars-many" aria-label={`${predictions.length} labels`} tabIndex={0}>
      {list}
    </section>
  );
}
