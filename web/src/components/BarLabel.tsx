import { useLanguage } from "../i18n/LanguageProvider.tsx";
import { labelName } from "../lib/labels.ts";
import { Original } from "./Original.tsx";

/** The label of a bar in the language of the page, with the original beside a translation. */
export function BarLabel({ label }: { label: string }) {
  const language = useLanguage();
  return (
    <span class="bars-label">
      <span>{labelName(label, language)}</span>
      <Original label={label} />
    </span>
  );
}
