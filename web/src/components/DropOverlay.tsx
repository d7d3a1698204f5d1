import { useLanguage } from "../i18n/LanguageProvider.tsx";
import "./drop-overlay.css";

/** Covers the page while files are dragged over it and invites to drop them. */
export function DropOverlay() {
  const { t } = useLanguage();
  return (
    <div class="drop-overlay" aria-hidden="true" data-testid="drop-overlay">
      {t("sources.release")}
    </div>
  );
}
