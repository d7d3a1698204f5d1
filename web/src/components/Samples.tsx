import Box from "@mui/material/Box";
import ButtonBase from "@mui/material/ButtonBase";
import Typography from "@mui/material/Typography";
import { useState } from "react";
import cat from "../../../tests/pictures/chelsea.webp";
import coffee from "../../../tests/pictures/coffee.jpg";
import rocket from "../../../tests/pictures/rocket_progressive.jpg";
import "./samples.css";

/** The licence is CC0: see `tests/pictures/README.md`. */
const SAMPLES = [
  { name: "A cat", file: "chelsea.webp", ...cat },
  { name: "A cup of coffee", file: "coffee.jpg", ...coffee },
  { name: "A rocket", file: "rocket.jpg", ...rocket },
];

interface Props {
  onFiles: (files: File[]) => void;
}

/** Sample pictures to try the page with. */
export function Samples({ onFiles }: Props) {
  const [isMissing, setIsMissing] = useState(false);
  const take = async (src: string, name: string) => {
    try {
      // The page shows this picture already, so the browser's cache has it.
      const response = await fetch(src, { cache: "force-cache" });
      if (!response.ok) {
        throw new Error(`the sample is not there: ${response.status}`);
      }
      const blob = await response.blob();
      setIsMissing(false);
      onFiles([new File([blob], name, { type: blob.type })]);
    } catch {
      setIsMissing(true);
    }
  };
  return (
    <Box component="section" aria-labelledby="samples">
      <Typography id="samples" component="h2" variant="h3" color="textSecondary" sx={{ mb: 1 }}>
        No picture at hand? Try one of these
      </Typography>
      <div className="samples">
        {SAMPLES.map(({ name, file, src, width, height }) => (
          <ButtonBase key={file} className="sample" aria-label={name} onClick={() => take(src, file)}>
            <img src={src} alt="" width={width} height={height} />
          </ButtonBase>
        ))}
      </div>
      {isMissing && (
        <Typography role="alert" color="error" sx={{ mt: 1 }}>
          The sample can’t be loaded: check the network and that the server runs.
        </Typography>
      )}
    </Box>
  );
}
