import Box from "@mui/material/Box";
import Stack from "@mui/material/Stack";
import Typography from "@mui/material/Typography";
import type { Phase } from "../lib/analysis.ts";
import { analyzeUrl, type Model } from "../lib/api.ts";
import { asCurl, asJson } from "../lib/copying.ts";
import { bytes, heading } from "../lib/format.ts";
import { readKey } from "../lib/key.ts";
import { named } from "../lib/model.ts";
import type { Picture } from "../lib/visit.ts";
import { ConfidenceBars } from "./ConfidenceBars.tsx";
import { CopyButton } from "./CopyButton.tsx";
import { Timings } from "./Timings.tsx";

interface Props {
  picture: Picture;
  phase: Extract<Phase, { name: "answered" }>;
  /** The model that answered, if another one serves now. */
  earlier: Model | undefined;
}

/** The answer: the first label in large type, all of them as bars, and the timings. */
export function AnswerCard({ picture, phase, earlier }: Props) {
  const { answer, milliseconds, sent } = phase;
  const url = new URL(analyzeUrl(), document.baseURI).href;
  return (
    <Box sx={{ display: "grid", gap: 2.5 }}>
      <Typography
        component="h1"
        variant="h2"
        data-testid="top-label"
        sx={{ overflowWrap: "anywhere", textWrap: "balance" }}
      >
        {heading(answer)}
      </Typography>
      {answer.predictions.length > 0 ? (
        <ConfidenceBars key={picture.id} predictions={answer.predictions} />
      ) : (
        <Typography>Nothing that the model knows is in this picture with enough confidence.</Typography>
      )}
      <Box>
        <Timings timings={answer.timings} roundTrip={milliseconds} />
        <Typography variant="body2" color="textSecondary" data-testid="sent">
          {sent < picture.file.size
            ? `Sent as ${bytes(sent)} instead of ${bytes(picture.file.size)}.`
            : `Sent as it is, ${bytes(sent)}.`}
        </Typography>
        {earlier && (
          <Typography variant="body2" color="textSecondary">
            Answered by {named(earlier)}, which served before.
          </Typography>
        )}
      </Box>
      <Stack direction="row" sx={{ gap: 1 }}>
        <CopyButton label="Copy as JSON" text={asJson(answer)} />
        <CopyButton label="Copy as curl" text={asCurl(picture.file.name, url, readKey() !== undefined)} />
      </Stack>
    </Box>
  );
}
