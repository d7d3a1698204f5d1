import Typography from "@mui/material/Typography";
import { duration } from "../lib/format.ts";
import { type Timing, total } from "../lib/serverTiming.ts";

interface Props {
  timings: Timing[];
  /** Milliseconds from the start of reading the file to the last byte of the answer. */
  roundTrip: number;
}

/** The time of each of the server's stages, and the total time. */
export function Timings({ timings, roundTrip }: Props) {
  if (timings.length === 0) {
    return (
      <Typography variant="body2" color="textSecondary">
        Answered in {duration(roundTrip)}.
      </Typography>
    );
  }
  return (
    <>
      <Typography variant="body2" sx={{ fontWeight: 600 }} data-testid="server-time">
        {duration(total(timings))} on the server, {duration(roundTrip)} in all
      </Typography>
      <Typography variant="body2" color="textSecondary">
        {timings.map(({ name, milliseconds }) => `${name} ${duration(milliseconds)}`).join(" · ")}
      </Typography>
    </>
  );
}
