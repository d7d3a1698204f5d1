import { useEffect, useState } from "preact/hooks";
import { useLanguage } from "../i18n/LanguageProvider.tsx";
import { copy } from "../lib/copying.ts";
import { CHECK, COPY, Icon } from "./icons.tsx";

/** How long the button shows its result, in milliseconds. */
const SAID_FOR = 2_000;

type State = "idle" | "copied" | "refused";

/** Copies a text and shows whether that worked. */
export function CopyButton({ label, text }: { label: string; text: string }) {
  const { t } = useLanguage();
  const [state, setState] = useState<State>("idle");
  useEffect(() => {
    if (state === "idle") {
      return;
    }
    const timer = setTimeout(() => setState("idle"), SAID_FOR);
    return () => clearTimeout(timer);
  }, [state]);
  const said: Record<State, string> = { idle: label, copied: t("copy.copied"), refused: t("copy.refused") };
  return (
    <button
      type="button"
      class="button button-small"
      onClick={() =>
        copy(text).then(
          () => setState("copied"),
          () => setState("refused"),
        )
      }
    >
      {state === "copied" ? <Icon path={CHECK} /> : <Icon path={COPY} />}
      {said[state]}
    </button>
  );
}
