import Box from "@mui/material/Box";
import ButtonBase from "@mui/material/ButtonBase";
import Typography from "@mui/material/Typography";
import { heading } from "../lib/format.ts";
import type { Picture } from "../lib/visit.ts";
import { Preview } from "./Preview.tsx";
import "./strip.css";

interface Props {
  pictures: Picture[];
  selected: number | undefined;
  onSelect: (id: number) => void;
}

/** The pictures of this visit with their answers. Choosing one shows it again. */
export function Strip({ pictures, selected, onSelect }: Props) {
  return (
    <Box component="section" className="strip-section" aria-labelledby="visit">
      <Typography id="visit" component="h2" variant="h3" color="textSecondary" sx={{ mb: 1 }}>
        Pictures of this visit
      </Typography>
      {pictures.length === 0 ? (
        <Typography color="textSecondary">None yet.</Typography>
      ) : (
        <ul className="strip">
          {pictures.map((picture) => (
            <li key={picture.id}>
              <ButtonBase
                className="strip-picture"
                aria-current={picture.id === selected ? "true" : undefined}
                onClick={() => onSelect(picture.id)}
              >
                <span className="strip-frame">
                  <Preview url={picture.url} name={picture.file.name} fit="cover" />
                </span>
                <span className="strip-caption">{caption(picture)}</span>
              </ButtonBase>
            </li>
          ))}
        </ul>
      )}
    </Box>
  );
}

function caption({ phase }: Picture): string {
  switch (phase.name) {
    case "answered":
      return heading(phase.answer);
    case "failed":
      return phase.failure.title;
    case "cancelled":
      return "Cancelled";
    case "waiting":
      return "Waiting";
    default:
      return "Analyzing";
  }
}
