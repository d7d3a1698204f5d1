/** Draws in a thread of its own, so that the page stays smooth. */

import { type Drawn, draw, type Wanted } from "./drawing.ts";

export interface Order {
  file: Blob;
  wanted: Wanted;
}

addEventListener("message", async ({ data: { file, wanted } }: MessageEvent<Order>) => {
  const drawn: Drawn = await draw(file, wanted);
  postMessage(drawn);
});
