import ImageIcon from "@mui/icons-material/ImageOutlined";
import Box from "@mui/material/Box";
import Typography from "@mui/material/Typography";
import { useState } from "react";
import "./preview.css";

interface Props {
  url: string;
  name: string;
  fit: "contain" | "cover";
}

/** A picture, or an icon for a format that the server decodes and the browser does not. */
export function Preview({ url, name, fit }: Props) {
  const [isShown, setIsShown] = useState(true);
  if (isShown) {
    return (
      <>
        {fit === "contain" && <img src={url} alt="" className="preview preview-cover backdrop" />}
        <img
          src={url}
          alt={fit === "contain" ? name : ""}
          onError={() => setIsShown(false)}
          // Of hundreds of pictures in the strip, the browser decodes only the visible ones.
          loading={fit === "cover" ? "lazy" : "eager"}
          decoding={fit === "cover" ? "async" : "auto"}
          className={`preview preview-${fit}`}
        />
      </>
    );
  }
  if (fit === "cover") {
    return <ImageIcon color="action" />;
  }
  return (
    <Box sx={{ display: "grid", justifyItems: "center", gap: 1, p: 4, textAlign: "center" }}>
      <ImageIcon color="action" sx={{ fontSize: "3.5rem" }} />
      <Typography sx={{ fontWeight: 600, overflowWrap: "anywhere" }}>{name}</Typography>
      <Typography color="textSecondary">This browser can’t show it; the server may still know it.</Typography>
    </Box>
  );
}
