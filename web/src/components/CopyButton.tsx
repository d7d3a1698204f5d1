import CheckIcon from "@mui/icons-material/Check";
import CopyIcon from "@mui/icons-material/ContentCopy";
import Button from "@mui/material/Button";
import { useEffect, useState } from "react";
import { copy } from "../lib/copying.ts";

/** How long the button shows its result, in milliseconds. */
const SAID_FOR = 2_000;

type State = "idle" | "copied" | "refused";

/** Copies a text and shows whether that worked. */
export function CopyButton({ label, text }: { label: string; text: string }) {
  const [state, setState] = useState<State>("idle");
  useEffect(() => {
    if (state === "idle") {
      return;
    }
    const timer = setTimeout(() => setState("idle"), SAID_FOR);
    return () => clearTimeout(timer);
  }, [state]);
  const said: Record<State, string> = { idle: label, copied: "Copied", refused: "Not allowed" };
  return (
    <Button
      size="small"
      variant="outlined"
      startIcon={state === "copied" ? <CheckIcon /> : <CopyIcon />}
      onClick={() =>
        copy(text).then(
          () => setState("copied"),
          () => setState("refused"),
        )
      }
      sx={{ flex: "0 1 10rem", minWidth: 0, paddingInline: 0 }}
    >
      {said[state]}
    </Button>
  );
}
