import Typography from "@mui/material/Typography";

/** The page's introduction, shown until the first picture. */
export function Introduction() {
  return (
    <div className="introduction">
      <Typography variant="h1">What is in the picture?</Typography>
      <Typography color="textSecondary" sx={{ mt: 2, fontSize: "1.125rem" }}>
        Give glimpse a photograph and it names what it most likely shows, in the blink of an eye. Pictures are analyzed
        in memory and forgotten.
      </Typography>
    </div>
  );
}
