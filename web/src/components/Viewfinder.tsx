import AddPhotoIcon from "@mui/icons-material/AddPhotoAlternateOutlined";
import Box from "@mui/material/Box";
import ButtonBase from "@mui/material/ButtonBase";
import Typography from "@mui/material/Typography";
import { type ReactNode, useEffect, useRef } from "react";
import { isUnderWay, type Picture } from "../lib/visit.ts";
import { Preview } from "./Preview.tsx";
import "./viewfinder.css";

interface Props {
  picture: Picture | undefined;
  onChoose: () => void;
}

/** The selected picture in a viewfinder frame, or a drop zone before the first picture. */
export function Viewfinder({ picture, onChoose }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const id = picture?.id;
  useEffect(() => {
    if (id === undefined) {
      return;
    }
    // On a narrow screen the picture may be far above the clicked element.
    frame.current?.scrollIntoView({ block: "nearest" });
    if (document.activeElement === document.body) {
      // The drop zone, which this picture replaces, had the focus.
      frame.current?.focus({ preventScroll: true });
    }
  }, [id]);
  if (!picture) {
    return (
      <ButtonBase className="viewfinder viewfinder-empty" onClick={onChoose}>
        <Corners />
        <Invitation />
      </ButtonBase>
    );
  }
  return (
    <div ref={frame} tabIndex={-1} className={isUnderWay(picture) ? "viewfinder viewfinder-working" : "viewfinder"}>
      <Preview key={picture.id} url={picture.url} name={picture.file.name} fit="contain" />
      <Corners />
    </div>
  );
}

function Corners(): ReactNode {
  return ["tl", "tr", "bl", "br"].map((corner) => <span key={corner} className={`corner corner-${corner}`} />);
}

function Invitation() {
  return (
    <Box component="span" sx={{ display: "grid", justifyItems: "center", gap: 1, p: 4, textAlign: "center" }}>
      <AddPhotoIcon sx={{ fontSize: "3.5rem", color: "primary.main" }} />
      <Typography component="span" sx={{ fontSize: "1.25rem", fontWeight: 700 }}>
        <span className="for-mouse">Drop photographs here</span>
        <span className="for-touch">Tap to choose photographs</span>
      </Typography>
      <Typography component="span" color="textSecondary" className="for-mouse">
        or anywhere on the page, paste one, or click to choose
      </Typography>
    </Box>
  );
}
