import Box from "@mui/material/Box";
import Typography from "@mui/material/Typography";
import type { Prediction } from "../lib/api.ts";
import { percent, words } from "../lib/format.ts";
import "./bars.css";

/** The labels and their probabilities, as text and as bars. */
export function ConfidenceBars({ predictions }: { predictions: Prediction[] }) {
  return (
    <Box component="ol" className="bars">
      {predictions.map(({ label, confidence }, rank) => (
        // The index is part of the key, because two of ImageNet's labels name two classes each.
        // biome-ignore lint/suspicious/noArrayIndexKey: the list is never changed, only replaced
        <li key={rank}>
          <Typography component="span" sx={{ fontWeight: 600, overflowWrap: "anywhere" }}>
            {words(label)}
          </Typography>
          <Typography component="span" className="bars-figure">
            {percent(confidence)}
          </Typography>
          <span className="bars-track">
            <span style={{ width: `${confidence * 100}%` }} />
          </span>
        </li>
      ))}
    </Box>
  );
}
