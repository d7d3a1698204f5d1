import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32, deflateSync } from "node:zlib";
import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { expectedLabel, largePhotograph, launch, pictureBytes, type Server, startServer, Visitor } from "./support.ts";

let browser: Browser;
let visitor: Visitor;
let servers: Server[] = [];

beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser?.close());
afterEach(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  servers = [];
  await visitor.close();
});

async function open(environment: Record<string, string> = {}, options = {}): Promise<Server> {
  const server = await startServer(environment);
  servers.push(server);
  visitor = await Visitor.open(browser, server, options);
  await visitor.page.getByText(/Answered by/).waitFor();
  return server;
}

/** Checks a shown failure for accessibility and takes a screenshot. */
async function looksRight(name: string) {
  await visitor.expectAccessible();
  await visitor.expectFits();
  await visitor.screenshot(name);
}

/** A small PNG that takes long to decode: 49 million pixels of one colour. */
function slowPicture(): Buffer {
  const side = 7000;
  const chunk = (type: string, data: Buffer) => {
    const content = Buffer.concat([Buffer.from(type), data]);
    const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    checksum.writeUInt32BE(crc32(content));
    return Buffer.concat([length, content, checksum]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header.writeUInt8(8, 8);
  const rows = deflateSync(Buffer.alloc(side * (side + 1)));
  return Buffer.concat([
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    chunk("IHDR", header),
    chunk("IDAT", rows),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

describe("a picture that the server refuses", () => {
  test.each([
    [
      "damaged",
      "The image is damaged or incomplete: send it again or save it anew",
      async () => (await pictureBytes("coffee.jpg")).subarray(0, 30_000),
    ],
    [
      "no-picture",
      "The data is not an image: send JPEG, PNG, WebP, HEIC, AVIF, GIF, TIFF, BMP, ICO, PNM or QOI",
      async () => Buffer.from("a text"),
    ],
  ])("%s", async (name, message, content) => {
    await open();
    await visitor.choose({ name: `${name}.jpg`, mimeType: "image/jpeg", buffer: await content() });
    await visitor.expectFailure("refused", "This picture can't be analyzed", message);
    await looksRight(name);
  });

  test("for its pixels", async () => {
    await open({ MAX_PIXELS: "1000" });
    await visitor.choose("coffee.jpg");
    await visitor.expectFailure("refused", "pixels, more than 1000 in all: send a smaller one");
  });

  test("is not sent where it is too large, which the server has told", async () => {
    await open({ MAX_BODY_BYTES: "50000" });
    await visitor.choose("coffee.jpg");
    await visitor.expectFailure(
      "tooLarge",
      "The picture is too large",
      "The upload would be 72 kB, and the server takes 50 kB",
    );
    expect(await visitor.sent()).toEqual([]);
    await looksRight("too-large");
  });

  test("is empty", async () => {
    await open();
    await visitor.choose({ name: "empty.jpg", mimeType: "image/jpeg", buffer: Buffer.alloc(0) });
    await visitor.expectFailure("unreadable", "The file is empty");
    expect(await visitor.sent()).toEqual([]);
  });
});

describe("a file that changes after it was chosen", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "glimpse-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function choose(name: string, content: Buffer): Promise<string> {
    const path = join(folder, name);
    await writeFile(path, content);
    await visitor.page.getByTestId("chooser").setInputFiles(path);
    return path;
  }

  test("is not sent where it is gone", async () => {
    await open();
    await visitor.shrinks().uncheck();
    await visitor.slowUploads(20_000);
    await visitor.choose("coffee.jpg");
    await rm(await choose("gone.jpg", await pictureBytes("rocket.jpg")));
    await visitor.expectFailure("unreadable", "The file can't be read", "choose it again");
    expect(await visitor.sent()).toHaveLength(1);
  });

  test("is said to be unreadable where that ends its upload", async () => {
    await open();
    await visitor.shrinks().uncheck();
    const large = await largePhotograph(visitor);
    await visitor.slowUploads(500_000);
    const path = await choose("large.jpg", large);
    await visitor.page.getByText(/^Uploading/).waitFor();
    await writeFile(path, large.subarray(0, 1_000));
    await visitor.expectFailure("unreadable", "The file can't be read", "choose it again");
  });
});

test("a server that wants a key is given one, and remembers", async () => {
  const server = await open({ API_KEYS: "secret" });
  await visitor.choose("coffee.jpg");
  await visitor.expectFailure("unauthorized", "An API key is required");
  await looksRight("key");
  await visitor.page.getByLabel("API key").fill("wrong");
  await visitor.page.keyboard.press("Enter");
  await visitor.expectFailure("unauthorized");
  await visitor.page.getByLabel("API key").fill("secret");
  await visitor.page.getByRole("button", { name: "Use this key" }).click();
  await visitor.expectLabel(await expectedLabel(server, "coffee.jpg"));
  await visitor.choose("chelsea.png");
  await visitor.expectLabel(await expectedLabel(server, "chelsea.png"));
});

test("an analysis that takes too long", async () => {
  await open({ INFERENCE_TIMEOUT: "1ms" });
  await visitor.choose("coffee.jpg");
  await visitor.expectFailure(
    "timeout",
    "No answer in time",
    "The analysis took too long: try again later or send a smaller picture",
  );
});

test("a busy server is counted down to, and answers when it can", async () => {
  const server = await open({ WORKERS: "1", QUEUE_DEPTH: "0" });
  const body = JSON.stringify({ base64Image: slowPicture().toString("base64") });
  // Enough clients to keep the only worker busy.
  let isRush = true;
  const client = async () => {
    while (isRush) {
      const headers = { "Content-Type": "application/json" };
      await fetch(`${server.url}/api/v1/analyze`, { method: "POST", headers, body }).then((response) =>
        response.arrayBuffer(),
      );
    }
  };
  const rush = Promise.all(Array.from({ length: 6 }, client));
  try {
    await expect.poll(() => server.log.some((entry) => entry.status === 503)).toBe(true);
    // One of these requests finds the worker busy.
    await visitor.choose(...Array.from({ length: 10 }, () => "coffee.jpg"));
    await visitor.page.getByText("The server is busy: try again in a moment").waitFor();
  } finally {
    isRush = false;
    await rush;
  }
  await visitor.expectLabel(await expectedLabel(server, "coffee.jpg"));
});

test("a busy server that wants to be left alone for a while", async () => {
  await open();
  await visitor.page.route("**/api/v1/analyze*", (route) =>
    route.fulfill({
      status: 503,
      headers: { "Retry-After": "40" },
      json: { message: "The server is busy: try again in a moment" },
    }),
  );
  await visitor.choose("coffee.jpg");
  await visitor.page.getByText(/Trying again in 3\d s$/).waitFor();
  await looksRight("busy");
  await visitor.cancel();
  await visitor.expectPhase("cancelled");
});

describe("a server that is gone", () => {
  test("is said to be, and is asked again", async () => {
    const server = await open();
    await visitor.choose("coffee.jpg");
    await visitor.expectPhase("answered");
    await server.stop();
    await visitor.choose("chelsea.png");
    await visitor.expectFailure(
      "offline",
      "No connection to the server",
      "Check the network and that the server runs, then try again.",
    );
    await looksRight("server-gone");
    // A sample from the browser's cache fails in the same way.
    await visitor.page.getByRole("button", { name: "A rocket" }).click();
    await visitor.page.getByAltText("rocket.jpg").waitFor();
    await visitor.expectFailure("offline");
    const again = await startServer({ LISTEN_ADDR: new URL(server.url).host });
    servers.push(again);
    await visitor.page.getByRole("button", { name: "Try again" }).click();
    await visitor.expectPhase("answered");
  });

  test("in the middle of an upload", async () => {
    const server = await open();
    const large = await largePhotograph(visitor);
    await visitor.shrinks().uncheck();
    await visitor.slowUploads(500_000);
    await visitor.choose({ name: "large.jpg", mimeType: "image/jpeg", buffer: large });
    await visitor.page.getByText(/^Uploading/).waitFor();
    await server.stop();
    await visitor.expectFailure("offline", "No connection to the server");
  });
});
