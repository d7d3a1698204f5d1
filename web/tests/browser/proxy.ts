/** A proxy before the executable, for the site below a path and for what a browser really sends. */

import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { Server } from "./support.ts";

export interface Proxy extends Server {
  /** The requests so far, with their headers and bodies, as they came. */
  received: Buffer[];
}

/**
 * Starts a proxy like nginx with `location /glimpse/ { proxy_pass http://server/; }` for the prefix `/glimpse`. Other paths are
 * answered 502.
 *
 * @param splitAt a text in a page: it and what follows come a second after what is before it.
 */
export async function startProxy(upstream: Server, prefix: string, splitAt?: string): Promise<Proxy> {
  const received: Buffer[] = [];
  const proxy = createServer((incoming, outgoing) => {
    const { url = "", method, headers, rawHeaders } = incoming;
    if (!url.startsWith(`${prefix}/`)) {
      outgoing.writeHead(502).end();
      return;
    }
    const parts: Buffer[] = [Buffer.from([method, url, ...rawHeaders, ""].join("\n"))];
    incoming.on("data", (part: Buffer) => parts.push(part));
    incoming.on("close", () => received.push(Buffer.concat(parts)));
    const { "accept-encoding": coding, ...others } = headers;
    const sent = splitAt ? others : headers;
    const forwarded = request(upstream.url + url.slice(prefix.length), { method, headers: sent }, (response) => {
      if (splitAt && response.headers["content-type"]?.startsWith("text/html")) {
        inTwoParts(response, outgoing, splitAt);
        return;
      }
      outgoing.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(outgoing);
    });
    forwarded.on("error", () => outgoing.destroy());
    incoming.pipe(forwarded);
  });
  await once(proxy.listen(0, "127.0.0.1"), "listening");
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}${prefix}`;
  const stop = async () => {
    proxy.closeAllConnections();
    proxy.close();
  };
  return { url, log: upstream.log, received, stop };
}

async function inTwoParts(response: IncomingMessage, outgoing: ServerResponse, splitAt: string) {
  const { "content-length": length, ...headers } = response.headers;
  outgoing.writeHead(response.statusCode ?? 502, headers);
  const page = await text(response);
  const at = page.indexOf(splitAt);
  if (at < 0) {
    outgoing.destroy(new Error(`the page has no ${splitAt}`));
    return;
  }
  outgoing.write(page.slice(0, at));
  setTimeout(() => outgoing.end(page.slice(at)), 1_000);
}
