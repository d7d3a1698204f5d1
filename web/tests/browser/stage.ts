/** For a file whose tests share one browser and one server, and have a page each: a page that is visited is closed, and checked, afterwards. */

import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll } from "vitest";
import { launch, type Server, startServer, Visitor, type VisitorOptions } from "./support.ts";

let browser: Browser;
export let server: Server;
export let visitor: Visitor;

beforeAll(async () => {
  [browser, server] = await Promise.all([launch(), startServer()]);
});
afterAll(() => Promise.all([browser?.close(), server?.stop()]));
afterEach(() => visitor.close());

export async function visit(options: VisitorOptions = {}) {
  visitor = await Visitor.open(browser, server, options);
}
