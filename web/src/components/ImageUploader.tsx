import en from "../i18n/en.json";
import { LanguageProvider } from "../i18n/LanguageProvider.tsx";
import { createLanguage } from "../i18n/language.ts";
import { Uploader } from "./Uploader.tsx";

const ENGLISH = createLanguage("en", en);

/** The island of the English page. Each page has its own island, so that it loads the texts of one language only. */
export default function ImageUploader() {
  return (
    <LanguageProvider language={ENGLISH}>
      <Uploader />
    </LanguageProvider>
  );
}
