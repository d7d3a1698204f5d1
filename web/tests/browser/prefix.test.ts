/** The site below a path that a proxy strips, as `https://host/glimpse/`. */

import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { startProxy } from "./proxy.ts";
import {
  expectedLabel,
  launch,
  type Server,
  samplesFolder,
  startServer,
  Visitor,
  type VisitorOptions,
} from "./support.ts";

const PREFIX = "/glimpse";

let browser: Browser;
let server: Server;
/** The server behind the proxy. */
let outside: Server;
let visitor: Visitor;

beforeAll(async () => {
  [browser, server] = await Promise.all([launch(), startServer()]);
  outside = await startProxy(server, PREFIX);
});
afterAll(() => Promise.all([browser?.close(), outside?.stop(), server?.stop()]));
afterEach(() => visitor.close());

async function visit(options: VisitorOptions = {}) {
  visitor = await Visitor.open(browser, outside, options);
}

/** The paths that were answered with an error. */
function failures(): string[] {
  const paths: string[] = [];
  visitor.page.on("response", (response) => {
    if (response.status() >= 400) {
      paths.push(`${response.status()} ${response.url()}`);
    }
  });
  return paths;
}

test("the page works, its samples too", async () => {
  await visit();
  const failed = failures();
  await visitor.page.reload();
  await visitor.page.getByText(/Answered by/).waitFor();
  await visitor.page.evaluate(() => document.fonts.ready);
  await visitor.page.getByRole("button", { name: "A cat" }).click();
  await visitor.expectLabel(await expectedLabel(server, "chelsea.webp"));
  expect(failed).toEqual([]);
});

test("the pages find each other", async () => {
  await visit();
  const failed = failures();
  for (const [link, path] of [
    ["API documentation", "/docs"],
    ["openapi.json", "/api/v1/openapi.json"],
  ] as const) {
    await visitor.page.getByRole("link", { name: link }).click();
    await visitor.page.waitForURL(outside.url + path);
  }
  await visitor.page.goBack();
  await visitor.page.getByRole("link", { name: "glimpse" }).click();
  await visitor.page.waitForURL(`${outside.url}/`);
  expect(failed).toEqual([]);
});

test.each(["/nothing", "/a/b/c", "/a/b/"])("a page that does not exist, at %s, leads back", async (path) => {
  await visit({ path });
  const failed = failures();
  const background = await visitor.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  expect(background, "the style sheet is missing").not.toBe("rgba(0, 0, 0, 0)");
  await visitor.page.getByRole("link", { name: "Look at a photograph instead" }).click();
  await visitor.page.waitForURL(`${outside.url}/?lang=en`);
  expect(failed).toEqual([]);
});

test("the page in Chinese is found, and finds its labels and the page in English", async () => {
  await visit({ path: "/docs", locale: "zh-CN" });
  const failed = failures();
  const labels = visitor.page.waitForResponse(/\/labels\.zh\..*\.json$/);
  await visitor.page.goto(`${outside.url}/`);
  await visitor.page.waitForURL(`${outside.url}/zh`);
  expect((await labels).url()).toContain(`${outside.url}/_astro/`);
  await visitor.page.getByRole("link", { name: "English" }).click();
  await visitor.page.waitForURL(`${outside.url}/?lang=en`);
  await visitor.page.getByRole("link", { name: "中文" }).click();
  await visitor.page.waitForURL(`${outside.url}/zh`);
  expect(failed).toEqual([]);
});

test("the form that does without JavaScript", async () => {
  await visit({ javaScriptEnabled: false });
  for (let times = 0; times < 2; times += 1) {
    await visitor.page.getByLabel(/^Photograph/).setInputFiles(`${samplesFolder}/coffee.jpg`);
    await visitor.page.getByRole("button", { name: "Analyze" }).click();
    await visitor.page.waitForURL(`${outside.url}/answer`);
    await visitor.page.getByText(await expectedLabel(server, "coffee.jpg")).waitFor();
  }
});
