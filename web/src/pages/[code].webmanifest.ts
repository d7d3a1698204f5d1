/** `en.webmanifest` and `zh.webmanifest`: what a browser needs to know to install the page. Its URLs are relative to it. */

import type { APIRoute } from "astro";
import { LANGUAGES } from "../i18n/languages.ts";
import { chinese, english } from "../i18n/pages.ts";
import { LIGHT } from "../lib/colours.ts";
import { FIELD, PATH, SHARE } from "../lib/shareTarget.ts";

export const getStaticPaths = () =>
  [english, chinese].map((language) => ({ params: { code: language.code }, props: { language } }));

export const GET: APIRoute<{ language: typeof english }> = ({ props: { language } }) => {
  const { t, code } = language;
  const { tag, home } = LANGUAGES[code];
  return Response.json({
    // It has no `id`: that would be relative to the host, and the same for every path. `start_url` identifies the app.
    name: t("layout.brand"),
    short_name: t("layout.brand"),
    description: t("home.description"),
    lang: tag,
    start_url: `.${home}`,
    scope: "./",
    display: "standalone",
    theme_color: LIGHT,
    background_color: LIGHT,
    icons: [
      icon("icon-192.png", 192),
      icon("icon-512.png", 512),
      { ...icon("icon-maskable-512.png", 512), purpose: "maskable" },
    ],
    share_target: {
      action: `./${PATH}?${SHARE}&lang=${code}`,
      method: "POST",
      enctype: "multipart/form-data",
      // All kinds: the server says which ones it does not know, and a share menu without glimpse says nothing.
      params: { files: [{ name: FIELD, accept: ["image/*"] }] },
    },
  });
};

function icon(name: string, side: number) {
  return { src: `./${name}`, sizes: `${side}x${side}`, type: "image/png" };
}
