import { useLanguage } from "../i18n/LanguageProvider.tsx";

/** The page's introduction, shown until the first picture. */
export function Introduction() {
  const { t } = useLanguage();
  return (
    <div class="introduction">
      <h1 class="title">{t("introduction.heading")}</h1>
      <p class="quiet">{t("introduction.text")}</p>
    </div>
  );
}
