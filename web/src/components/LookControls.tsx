import { useLanguage } from "../i18n/LanguageProvider.tsx";
import type { Look } from "../lib/useLook.ts";
import "./look.css";
import "./switch.css";

/** The least strength and the step of the slider, in per cent. */
const STEP = 10;

/** Turns the maps over the pictures on and off, and sets their strength. */
export function LookControls({ look }: { look: Look }) {
  const { t, format } = useLanguage();
  return (
    <div class="look-controls">
      <label class="switch-label">
        <input
          type="checkbox"
          // biome-ignore lint/a11y/useAriaPropsForRole: a checkbox has its state of itself
          role="switch"
          class="switch"
          checked={look.isOn}
          onChange={({ currentTarget }) => look.turn(currentTarget.checked)}
        />
        {t("why.show")}
      </label>
      <label class="look-strength">
        <span>{t("why.strength")}</span>
        <input
          type="range"
          min={STEP}
          max={100}
          step={STEP}
          value={Math.round(look.strength * 100)}
          aria-valuetext={format.threshold(look.strength)}
          disabled={!look.isOn}
          onInput={({ currentTarget }) => look.strengthen(currentTarget.valueAsNumber / 100)}
        />
      </label>
    </div>
  );
}
