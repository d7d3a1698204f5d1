import { createTheme } from "@mui/material/styles";

/** The colours of the site. MUI turns them into the CSS variables that the static pages read. */
const light = {
  primary: { main: "#0b5d4b", contrastText: "#ffffff" },
  error: { main: "#b3261e" },
  background: { default: "#f6f5f1", paper: "#ffffff" },
  text: { primary: "#16201d", secondary: "#55615d" },
  divider: "#d9dbd5",
};

const dark = {
  primary: { main: "#6fdcbf", contrastText: "#05231c" },
  error: { main: "#ffb4ab" },
  background: { default: "#0e1312", paper: "#171e1c" },
  text: { primary: "#edf3f0", secondary: "#a4b2ad" },
  divider: "#2d3835",
};

export const theme = createTheme({
  cssVariables: { colorSchemeSelector: "media" },
  colorSchemes: { light: { palette: light }, dark: { palette: dark } },
  shape: { borderRadius: 12 },
  typography: {
    fontFamily: '"Figtree Variable", system-ui, sans-serif',
    h1: { fontSize: "clamp(2rem, 1.2rem + 2.6vw, 3rem)", fontWeight: 800, letterSpacing: "-0.025em", lineHeight: 1.08 },
    h2: { fontSize: "clamp(2rem, 1.2rem + 2.6vw, 3rem)", fontWeight: 800, letterSpacing: "-0.025em", lineHeight: 1.08 },
    h3: { fontSize: "0.875rem", fontWeight: 600 },
    button: { fontWeight: 650, textTransform: "none" },
  },
  components: {
    MuiButton: {
      defaultProps: { disableElevation: true, disableRipple: true },
      styleOverrides: { root: { borderRadius: 999, minHeight: "2.75rem", paddingInline: "1.25rem" } },
    },
    MuiButtonBase: {
      defaultProps: { disableRipple: true },
      styleOverrides: {
        root: ({ theme }) => ({
          "&.Mui-focusVisible, &:focus-visible": {
            outline: `3px solid ${theme.vars.palette.primary.main}`,
            outlineOffset: 2,
          },
        }),
      },
    },
    MuiCssBaseline: {
      styleOverrides: {
        html: { colorScheme: "light dark" },
        "@media (prefers-reduced-motion: reduce)": {
          "*, *::before, *::after": {
            animationDuration: "0.01ms !important",
            animationIterationCount: "1 !important",
            transitionDuration: "0.01ms !important",
          },
        },
      },
    },
  },
});
