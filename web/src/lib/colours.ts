/** The background of the page, as in `styles/colours.css`, for the browser's frame and the installed app. */

export const LIGHT = "#f6f5f1";
export const DARK = "#0e1312";
