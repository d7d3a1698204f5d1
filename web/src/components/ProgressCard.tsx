import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import LinearProgress from "@mui/material/LinearProgress";
import Typography from "@mui/material/Typography";
import type { Phase } from "../lib/analysis.ts";
import { bytes } from "../lib/format.ts";
import type { Picture } from "../lib/visit.ts";

/** From this size on the upload is shown in per cent, in bytes: a smaller one is gone at once. */
const LARGE = 250_000;

interface Props {
  picture: Picture;
  onCancel: () => void;
}

/** A picture on its way: what is being done, how far it is, and the button that ends it. */
export function ProgressCard({ picture, onCancel }: Props) {
  const { phase } = picture;
  const { title, detail, done } = describe(phase);
  return (
    <Box sx={{ display: "grid", gap: 2.5, alignContent: "start" }}>
      <Typography component="h1" variant="h2" color="textSecondary">
        {title}
      </Typography>
      <LinearProgress
        aria-label={title}
        sx={{ height: "0.6rem", borderRadius: "1rem", bgcolor: "divider" }}
        {...(done === undefined ? {} : { variant: "determinate", value: done * 100 })}
      />
      <Typography sx={{ minHeight: "1.5em" }}>{detail ?? picture.file.name}</Typography>
      <Button variant="outlined" onClick={onCancel} sx={{ justifySelf: "start" }}>
        Cancel
      </Button>
    </Box>
  );
}

interface Description {
  title: string;
  detail?: string;
  /** 0 to 1, where it is known. */
  done?: number;
}

function describe(phase: Phase): Description {
  switch (phase.name) {
    case "waiting":
      return { title: "Waiting", detail: "It is analyzed after those before it." };
    case "uploading":
      return phase.bytes < LARGE
        ? { title: "Analyzing" }
        : {
            title: `Uploading ${Math.floor(phase.fraction * 100)} %`,
            detail: `${bytes(phase.fraction * phase.bytes)} of ${bytes(phase.bytes)}`,
            done: phase.fraction,
          };
    case "busy":
      return { title: "Busy", detail: `${phase.failure.message}. Trying again in ${phase.seconds} s` };
    default:
      return { title: "Analyzing" };
  }
}
