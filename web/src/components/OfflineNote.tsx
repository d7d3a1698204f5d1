import { useEffect, useState } from "preact/hooks";
import { useLanguage } from "../i18n/LanguageProvider.tsx";
import { useTextIn } from "../lib/useTextIn.ts";

/** The id of the element for the note. It is in the page from the beginning, so that screen readers announce its text. */
export const NOTE = "offline-note";

/** Says that the browser has no network, for as long as it has none. */
export function OfflineNote() {
  const { t } = useLanguage();
  const [isOffline, setIsOffline] = useState(false);
  useEffect(() => {
    const look = () => setIsOffline(!navigator.onLine);
    look();
    window.addEventListener("offline", look);
    window.addEventListener("online", look);
    return () => {
      window.removeEventListener("offline", look);
      window.removeEventListener("online", look);
    };
  }, []);
  useTextIn(NOTE, isOffline ? t("offline.note") : undefined);
  return null;
}
