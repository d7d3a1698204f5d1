/** Colours of the page for what is outside of its style sheets: the browser's frame and the icon of the installed app. */

import css from "../styles/colours.css?raw";

/** The background of the page, light and dark. */
export const [LIGHT = "", DARK = ""] = [...css.matchAll(/--page: (#\w+);/g)].map(([, colour]) => colour);
