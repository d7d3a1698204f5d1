import Button from "@mui/material/Button";
import Typography from "@mui/material/Typography";
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
  return (
    <>
      <div
        className={failure ? "failure" : "failure failure-calm"}
        data-testid="failure"
        data-kind={failure?.kind ?? "cancelled"}
      >
        <Typography component="h1" variant="h2">
          {failure?.title ?? "Cancelled"}
        </Typography>
        <Typography color="textSecondary">{failure?.message ?? "Nothing is being done with this picture."}</Typography>
      </div>
      {failure?.kind === "unauthorized" ? (
        <KeyForm onKey={onRetry} />
      ) : (
        <Button variant="outlined" onClick={onRetry} sx={{ mt: 3 }}>
          Try again
        </Button>
      )}
    </>
  );
}
