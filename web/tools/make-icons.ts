/** Draws the icons of the installed page in `public` from the drawing of `favicon.svg`, on the background of the page. */

import { readFile, writeFile } from "node:fs/promises";
import sharp from "sharp";
import { LIGHT } from "../src/lib/colours.ts";

const PUBLIC = new URL("../public/", import.meta.url);

interface Icon {
  name: string;
  /** In pixels. */
  side: number;
  /** The side of the drawing, in sides of the icon. A launcher may cut a maskable icon to a circle of 0.8. */
  scale: number;
  /** The radius of the background's corners, in sides of the icon. iOS and launchers round the others themselves. */
  radius: number;
}

const ICONS: Icon[] = [
  { name: "icon-192.png", side: 192, scale: 0.7, radius: 0.2 },
  { name: "icon-512.png", side: 512, scale: 0.7, radius: 0.2 },
  { name: "icon-maskable-512.png", side: 512, scale: 0.6, radius: 0 },
  { name: "apple-touch-icon.png", side: 180, scale: 0.66, radius: 0 },
];
/** The side of the drawing, in its own units. */
const UNITS = 32;

const favicon = await readFile(new URL("favicon.svg", PUBLIC), "utf8");
const drawing = favicon.slice(favicon.indexOf("<path"), favicon.indexOf("</svg>"));
const ink = /stroke:(#\w+)/.exec(favicon)?.[1];

for (const { name, side, scale, radius } of ICONS) {
  const edge = (UNITS * (1 - scale)) / 2;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${side}" height="${side}" viewBox="0 0 ${UNITS} ${UNITS}">
    <rect width="${UNITS}" height="${UNITS}" rx="${UNITS * radius}" fill="${LIGHT}"/>
    <g transform="translate(${edge} ${edge}) scale(${scale})" fill="none" stroke="${ink}" stroke-width="3.5" stroke-linecap="round">
      <style>circle { fill: ${ink} }</style>${drawing}
    </g>
  </svg>`;
  const png = await sharp(Buffer.from(svg)).png({ palette: true, compressionLevel: 9, effort: 10 }).toBuffer();
  await writeFile(new URL(name, PUBLIC), png);
  console.log(`${String(png.length).padStart(6)}  ${name}`);
}
