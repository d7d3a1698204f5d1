import { useLanguage } from "../i18n/LanguageProvider.tsx";
import "./switch.css";

interface Props {
  checked: boolean;
  /** In pixels. */
  shortSide: number;
  onChange: (checked: boolean) => void;
}

/** Turns the shrinking of large photographs on and off. */
export function ShrinkSwitch({ checked, shortSide, onChange }: Props) {
  const { t, format } = useLanguage();
  return (
    <div>
      <label for="shrinks" class="switch-label">
        <input
          id="shrinks"
          type="checkbox"
          // biome-ignore lint/a11y/useAriaPropsForRole: a checkbox has its state of itself
          role="switch"
          class="switch"
          checked={checked}
          aria-describedby="shrink"
          onChange={({ currentTarget }) => onChange(currentTarget.checked)}
        />
        {t("shrink.label")}
      </label>
      <p id="shrink" class="small quiet">
        {t("shrink.text", { pixels: format.number(shortSide) })}
      </p>
    </div>
  );
}
