import { useLanguage } from "../i18n/LanguageProvider.tsx";
import { LANGUAGES } from "../i18n/languages.ts";
import { labelWords } from "../lib/labels.ts";

/** The label as the API names it, beside its translation. Nothing where it is shown untranslated. */
export function Original({ label }: { label: string }) {
  const { labels } = useLanguage();
  if (!labels.has(label)) {
    return null;
  }
  const words = labelWords(label);
  return (
    <>
      {" "}
      <span class="original" lang={LANGUAGES.en.tag} title={words}>
        {words}
      </span>
    </>
  );
}
