import Box from "@mui/material/Box";

/** Covers the page while files are dragged over it, and says that they can be let go. */
export function DropOverlay() {
  return (
    <Box
      aria-hidden
      data-testid="drop-overlay"
      sx={{
        position: "fixed",
        inset: 0,
        zIndex: "modal",
        display: "grid",
        placeItems: "center",
        pointerEvents: "none",
        fontSize: "clamp(1.5rem, 5vw, 2.5rem)",
        fontWeight: 800,
        color: "primary.main",
        bgcolor: "color-mix(in srgb, var(--mui-palette-background-default) 88%, transparent)",
        "&::after": {
          content: '""',
          position: "absolute",
          inset: "1rem",
          border: "3px dashed currentColor",
          borderRadius: "1.5rem",
        },
      }}
    >
      Let go to analyze
    </Box>
  );
}
