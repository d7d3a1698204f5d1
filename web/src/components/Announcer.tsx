import Box from "@mui/material/Box";
import { visuallyHidden } from "@mui/utils";
import type { Answer } from "../lib/api.ts";
import { heading, percent, words } from "../lib/format.ts";
import type { Picture } from "../lib/visit.ts";

/** The most labels of an answer that are read out. A multi-label model may give hundreds. */
const READ_OUT = 3;

interface Props {
  picture: Picture | undefined;
  /** The sentence about the last change of the model, if there was one. */
  change: string | undefined;
}

/** Announces the state of the selected picture, and a change of the model, to screen readers. */
export function Announcer({ picture, change }: Props) {
  return (
    <Box sx={visuallyHidden}>
      <div role="status" aria-live="polite">
        {picture && sentence(picture)}
      </div>
      {/* Apart, because a change of a status is read out with all of its text. */}
      <div aria-live="polite" data-testid="model-change">
        {change}
      </div>
    </Box>
  );
}

function sentence({ file, phase }: Picture): string {
  switch (phase.name) {
    case "waiting":
      return `${file.name} is waiting`;
    case "preparing":
    case "uploading":
      return `Sending ${file.name}`;
    case "analyzing":
      return `Analyzing ${file.name}`;
    case "busy":
      return `${phase.failure.title}. It will be tried again`;
    case "answered":
      return `${file.name}: ${spoken(phase.answer)}`;
    case "failed":
      return `${phase.failure.title}. ${phase.failure.message}`;
    case "cancelled":
      return `${file.name} is cancelled`;
  }
}

function spoken(answer: Answer): string {
  const { predictions } = answer;
  if (predictions.length === 0) {
    return heading(answer);
  }
  const first = predictions
    .slice(0, READ_OUT)
    .map(({ label, confidence }) => `${words(label)}, ${percent(confidence)}`);
  const others = predictions.length - first.length;
  return [...first, ...(others > 0 ? [`and ${others} more`] : [])].join("; ");
}
