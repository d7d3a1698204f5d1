import Box from "@mui/material/Box";
import { visuallyHidden } from "@mui/utils";
import { percent, words } from "../lib/format.ts";
import type { Picture } from "../lib/visit.ts";

/** Says, for those who do not see the page, what happens to the picture that is looked at. */
export function Announcer({ picture }: { picture: Picture | undefined }) {
  return (
    <Box role="status" aria-live="polite" sx={visuallyHidden}>
      {picture && sentence(picture)}
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
      return `${file.name}: ${phase.answer.predictions
        .map(({ label, confidence }) => `${words(label)}, ${percent(confidence)}`)
        .join("; ")}`;
    case "failed":
      return `${phase.failure.title}. ${phase.failure.message}`;
    case "cancelled":
      return `${file.name} is cancelled`;
  }
}
