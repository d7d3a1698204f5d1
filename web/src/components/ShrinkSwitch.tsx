import Switch from "@mui/material/Switch";
import Typography from "@mui/material/Typography";

interface Props {
  checked: boolean;
  /** In pixels. */
  shortSide: number;
  onChange: (checked: boolean) => void;
}

/** Turns the shrinking of large photographs on and off. */
export function ShrinkSwitch({ checked, shortSide, onChange }: Props) {
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
        Before they are sent, to a short side of {shortSide} pixels. The answer hardly changes, the upload is much
        faster.
      </Typography>
    </div>
  );
}
