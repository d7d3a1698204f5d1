import type { TargetedSubmitEvent } from "preact";
import { useId } from "preact/hooks";
import { useLanguage } from "../i18n/LanguageProvider.tsx";
import { keepKey } from "../lib/key.ts";

/** Asks for the API key that the server requires. */
export function KeyForm({ onKey }: { onKey: () => void }) {
  const { t } = useLanguage();
  const id = useId();
  const submit = (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    keepKey(String(new FormData(event.currentTarget).get("key") ?? "").trim());
    onKey();
  };
  return (
    <form class="key-form" onSubmit={submit}>
      <label for={id}>{t("key.label")}</label>
      <input id={id} name="key" type="password" autocomplete="current-password" required />
      <button type="submit" class="button button-strong">
        {t("key.use")}
      </button>
    </form>
  );
}
