import { useLanguage } from "../i18n/LanguageProvider.tsx";
import type { Model } from "../lib/api.ts";
import { described } from "../lib/model.ts";
import { useTextIn } from "../lib/useTextIn.ts";

/** The id of the footer's element for the model's name. */
export const PLACE = "model-name";

/** Shows the served model in the page's footer. */
export function ModelName({ model }: { model: Model | undefined }) {
  const language = useLanguage();
  useTextIn(PLACE, model && language.t("model.answeredBy", { model: described(model, language) }));
  return null;
}
