import Switch from "@mui/material/Switch";
import Typography from "@mui/material/Typography";
import { SHORT_SIDE } from "../lib/shrink.ts";

interface Props {
  checked: boolean;
  onChange: (checked: boolean) => void;
}

/** Turns the shrinking of large photographs on and off. */
export function ShrinkSwitch({ checked, onChange }: Props) {
  return (
    <div>
      <label htmlFor="shrinks">
        <Switch
          id="shrinks"
          checked={checked}
          onChange={(_, on) => onChange(on)}
          slotProps={{ input: { "aria-describedby": "shrink" } }}
          sx={{ ml: -1.5 }}
        />
        Shrink large photographs
      </label>
      <Typography id="shrink" variant="body2" color="textSecondary">
        Before they are sent, to a short side of {SHORT_SIDE} pixels. The answer hardly changes, the upload is much
        faster.
      </Typography>
    </div>
  );
}
