import { useEffect } from "preact/hooks";
import { useLanguage } from "../i18n/LanguageProvider.tsx";
import type { Model } from "../lib/api.ts";
import { described } from "../lib/model.ts";

/** The id of the footer's element for the model's name. */
export const PLACE = "model-name";

/** Shows the served model in the page's footer, which is outside of the island. */
export function ModelName({ model }: { model: Model | undefined }) {
  const language = useLanguage();
  const text = model && language.t("model.answeredBy", { model: described(model, language) });
  useEffect(() => {
    const place = document.getElementById(PLACE);
    if (place) {
      place.textContent = text ?? "";
    }
  }, [text]);
  return null;
}
