// @connectrpc/connect-web (gRPC-web) in Chromium, from a page of the server itself and from pages of other web origins.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";
import { chromium } from "playwright-core";

import { batch, broken, same, url } from "./support.mjs";

// What a page imports. scripts/check_clients compiles src/grpc/proto to the set of descriptors, which esbuild embeds as
// base64. google.rpc.ErrorInfo is not among them: its fields are written out.
const source = `
  import { create, createFileRegistry, fromBinary } from "@bufbuild/protobuf";
  import {
    FieldDescriptorProto_Label as Label, FieldDescriptorProto_Type as Type, FileDescriptorSetSchema,
  } from "@bufbuild/protobuf/wkt";
  import { Code, ConnectError, createClient } from "@connectrpc/connect";
  import { createGrpcWebTransport } from "@connectrpc/connect-web";
  import descriptors from ${JSON.stringify(process.env.GLIMPSE_DESCRIPTORS)};

  const text = (name, number) => ({ name, number, type: Type.STRING, label: Label.OPTIONAL, jsonName: name });
  const messageType = [{ name: "ErrorInfo", field: [text("reason", 1), text("domain", 2)] }];
  const file = { name: "google/rpc/error_details.proto", package: "google.rpc", syntax: "proto3", messageType };
  const errors = createFileRegistry(create(FileDescriptorSetSchema, { file: [file] }));
  const services = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));

  // Calls a method, and gives its answer or its error as plain values.
  export async function call(baseUrl, service, method, request) {
    // The deadline is a header that a page of another origin must be allowed to send.
    const transport = createGrpcWebTransport({ baseUrl, defaultTimeoutMs: 60_000 });
    try {
      return { answer: await createClient(services.getService(service), transport)[method](request) };
    } catch (error) {
      if (!(error instanceof ConnectError)) throw error;
      const details = error.findDetails(errors.getMessage("google.rpc.ErrorInfo"));
      return {
        error: {
          code: Code[error.code],
          message: error.rawMessage,
          details: details.map(({ reason, domain }) => ({ reason, domain })),
        },
      };
    }
  }
`;

let browser;
let bundle;
before(async () => {
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: fileURLToPath(new URL(".", import.meta.url)) },
    bundle: true,
    format: "iife",
    globalName: "client",
    loader: { ".binpb": "binary" },
    write: false,
  });
  bundle = outputFiles[0].text;
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });
});
after(() => browser?.close());

// Opens a page of the origin with the client in it. The server's page forbids scripts that it doesn't know: bypassCSP.
async function open(origin) {
  const context = await browser.newContext({ bypassCSP: true });
  if (origin !== url) {
    // Chromium asks the visitor before a page of the internet calls this computer.
    await context.grantPermissions(["local-network-access"], { origin });
    const blank = { contentType: "text/html", body: "<title>A page</title>" };
    await context.route(`${origin}/`, (route) => route.fulfill(blank));
  }
  const page = await context.newPage();
  await page.goto(`${origin}/`);
  // While a route exists, Playwright answers the preflights itself.
  await context.unrouteAll();
  await page.addScriptTag({ content: bundle });
  const call = (...values) => page.evaluate((all) => client.call(...all), [url, ...values]);
  const ask = async (...values) => {
    const { answer, error } = await call(...values);
    assert.equal(error, undefined);
    return answer;
  };
  return { page, call, ask, close: () => context.close() };
}

const inference = "inference.GRPCInferenceService";
const classifier = "glimpse.v1.Classifier";
const elsewhere = process.env.GLIMPSE_ORIGIN;

// Only a server that scripts/check_clients starts allows the second origin.
for (const [name, origin] of [["the server's page", url], ["a page of an allowed origin", elsewhere]]) {
  const skip = !origin;

  test(`${name}: descriptions`, { skip }, async () => {
    const { ask, close } = await open(origin);
    assert.equal((await ask(classifier, "getModel", {})).name, "MobileNetV2");
    assert.equal((await ask(inference, "serverReady", {})).ready, true);
    await close();
  });

  test(`${name}: pictures`, { skip }, async () => {
    const { ask, close } = await open(origin);
    for (const image of batch) await same((await ask(classifier, "classify", { image, topK: 3 })).predictions, image);
    const { results } = await ask(classifier, "classifyBatch", { images: [...batch, broken] });
    for (const [place, image] of batch.entries()) await same(results[place].result.value.predictions, image);
    assert.equal(results[batch.length].result.case, "failure");
    assert.equal(results[batch.length].result.value.reason, "NOT_AN_IMAGE");
    await close();
  });

  test(`${name}: errors`, { skip }, async () => {
    const { call, close } = await open(origin);
    const damaged = batch[0].slice(0, batch[0].length / 2);
    for (const [image, reason] of [[broken, "NOT_AN_IMAGE"], [damaged, "DAMAGED_IMAGE"]]) {
      const { error } = await call(classifier, "classify", { image });
      assert.equal(error.code, "InvalidArgument");
      assert.notEqual(error.message, "");
      assert.deepEqual(error.details, [{ reason, domain: "glimpse" }]);
    }
    const { error } = await call(inference, "modelMetadata", { name: "another" });
    assert.equal(error.code, "NotFound");
    assert.deepEqual(error.details, [{ reason: "NO_SUCH_MODEL", domain: "glimpse" }]);
    await close();
  });
}

test("a page of an origin that is not allowed", { skip: !elsewhere }, async () => {
  const { page, call, close } = await open("https://example.com");
  // The page learns only that the request failed: why is in the browser's console.
  const refused = (message) => /preflight request .* No 'Access-Control-Allow-Origin' header/.test(message.text());
  const [{ answer, error }] = await Promise.all([
    call(classifier, "getModel", {}),
    page.waitForEvent("console", { predicate: refused, timeout: 10_000 }),
  ]);
  assert.equal(answer, undefined);
  assert.equal(error.code, "Unknown");
  await close();
});
