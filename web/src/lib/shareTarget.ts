/**
 * The names by which a picture comes from a phone's share menu. The manifest tells them to the phone, which sends a form. The
 * service worker keeps the form's files, leads to the page, and hands the files over when the page asks for them.
 */

/** The form's field with the files, also in the form without JavaScript. */
export const FIELD = "picture";
/** The path of the form below the root of the site. Without a service worker, the server takes the form and answers it. */
export const PATH = "answer";
/** The parameter that tells the form of the share menu from the form without JavaScript. */
export const SHARE = "share";
/** The page's parameter with the id of the files. */
export const SHARED = "shared";
