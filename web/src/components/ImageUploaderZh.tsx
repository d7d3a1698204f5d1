import { LanguageProvider } from "../i18n/LanguageProvider.tsx";
import labelsUrl from "../i18n/labels.zh.json?url";
import { createLanguage } from "../i18n/language.ts";
import sentences from "../i18n/sentences.zh.json";
import zh from "../i18n/zh.json";
import { Uploader } from "./Uploader.tsx";

const CHINESE = createLanguage("zh", zh, { sentences, labelsUrl });

/** The island of the Chinese page. */
export default function ImageUploaderZh() {
  return (
    <LanguageProvider language={CHINESE}>
      <Uploader />
    </LanguageProvider>
  );
}
