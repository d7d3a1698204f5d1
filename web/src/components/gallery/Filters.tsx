import { useMemo } from "preact/hooks";
import { useLanguage } from "../../i18n/LanguageProvider.tsx";
import type { TextKey } from "../../i18n/language.ts";
import { type Choice, labelsOf, ORDERS, type Order, STATES, type State } from "../../lib/many/choice.ts";
import type { Picture } from "../../lib/visit.ts";

/** The step of the slider, in per cent. */
const STEP = 5;
/** The most labels that the search field suggests. */
const SUGGESTED = 50;

const STATE_TEXTS: Record<State, TextKey> = {
  all: "gallery.all",
  answered: "gallery.answered",
  failed: "gallery.failed",
  open: "gallery.open",
};
const ORDER_TEXTS: Record<Order, TextKey> = {
  added: "gallery.byAdded",
  name: "gallery.byName",
  label: "gallery.byLabel",
  surest: "gallery.bySurest",
  leastSure: "gallery.byLeastSure",
};

interface Props {
  pictures: Picture[];
  choice: Choice;
  onChange: (choice: Choice) => void;
}

/** Chooses which pictures the grid shows, and in which order. */
export function Filters({ pictures, choice, onChange }: Props) {
  const language = useLanguage();
  const { t, format } = language;
  const labels = useMemo(() => labelsOf(pictures, language), [pictures, language]);
  const { confidence } = choice;
  return (
    <search class="filters">
      <label class="filter">
        <span>{t("gallery.label")}</span>
        <input
          type="search"
          list="labels"
          value={choice.label}
          placeholder={t("gallery.anyLabel")}
          autocomplete="off"
          onInput={({ currentTarget }) => onChange({ ...choice, label: currentTarget.value })}
        />
        <datalist id="labels">
          {labels.slice(0, SUGGESTED).map(([name, count]) => (
            <option key={name} value={name}>
              {t("gallery.count", { count, number: format.number(count) })}
            </option>
          ))}
        </datalist>
      </label>
      <label class="filter">
        <span>{t("gallery.confidence", { percent: format.threshold(confidence) })}</span>
        <input
          type="range"
          min={0}
          max={100}
          step={STEP}
          value={Math.round(confidence * 100)}
          aria-valuetext={format.threshold(confidence)}
          onInput={({ currentTarget }) => onChange({ ...choice, confidence: currentTarget.valueAsNumber / 100 })}
        />
      </label>
      <Select
        label={t("gallery.state")}
        texts={STATE_TEXTS}
        values={STATES}
        value={choice.state}
        onChange={(state) => onChange({ ...choice, state })}
      />
      <Select
        label={t("gallery.order")}
        texts={ORDER_TEXTS}
        values={ORDERS}
        value={choice.order}
        onChange={(order) => onChange({ ...choice, order })}
      />
    </search>
  );
}

interface SelectProps<Value extends string> {
  label: string;
  texts: Record<Value, TextKey>;
  /** In the order of the list. */
  values: readonly Value[];
  value: Value;
  onChange: (value: Value) => void;
}

function Select<Value extends string>({ label, texts, values, value, onChange }: SelectProps<Value>) {
  const { t } = useLanguage();
  return (
    <label class="filter">
      <span>{label}</span>
      <select value={value} onChange={({ currentTarget }) => onChange(currentTarget.value as Value)}>
        {values.map((it) => {
          const text: TextKey = texts[it];
          return (
            <option key={it} value={it}>
              {t(text)}
            </option>
          );
        })}
      </select>
    </label>
  );
}
