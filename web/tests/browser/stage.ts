/** One browser and one server for the tests of a file. Each visited page is checked and closed after its test. */

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

export async function visit(options: VisitorOptions = {}, at = server) {
  visitor = await Visitor.open(browser, at, options);
}
