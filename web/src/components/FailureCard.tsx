import { useLanguage } from "../i18n/LanguageProvider.tsx";
import type { Failure } from "../lib/failure.ts";
import { KeyForm } from "./KeyForm.tsx";
import "./failure.css";

interface Props {
  /** Undefined if the analysis was cancelled. */
  failure?: Failure;
  onRetry: () => void;
}

/** The reason for a missing answer, and the button that tries again. */
export function FailureCard({ failure, onRetry }: Props) {
  const language = useLanguage();
  const { t } = language;
  const told = failure?.tell(language) ?? { title: t("phase.cancelled"), message: t("failure.cancelled") };
  return (
    <>
      <div
        class={failure ? "failure" : "failure failure-calm"}
        data-testid="failure"
        data-kind={failure?.kind ?? "cancelled"}
      >
        <h1 class="title">{told.title}</h1>
        <p class="quiet">{told.message}</p>
      </div>
      {failure?.kind === "unauthorized" ? (
        <KeyForm onKey={onRetry} />
      ) : (
        <button type="button" class="button failure-retry" onClick={onRetry}>
          {t("failure.tryAgain")}
        </button>
      )}
    </>
  );
}
