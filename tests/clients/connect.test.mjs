// @connectrpc/connect-node (gRPC and gRPC-web) and @connectrpc/connect-web (gRPC-web with fetch, as in a browser).
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import * as node from "@connectrpc/connect-node";
import * as web from "@connectrpc/connect-web";

import { batch, broken, model, pack, same, sameClasses, url } from "./support.mjs";

// scripts/check_clients compiles src/grpc/proto to this set of descriptors.
const files = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(process.env.GLIMPSE_DESCRIPTORS)));
const Inference = files.getService("inference.GRPCInferenceService");
const Classifier = files.getService("glimpse.v1.Classifier");

const transports = {
  "connect-node, gRPC": node.createGrpcTransport({ baseUrl: url }),
  "connect-node, gRPC-web over HTTP/1.1": node.createGrpcWebTransport({ baseUrl: url, httpVersion: "1.1" }),
  "connect-node, gRPC-web over HTTP/2": node.createGrpcWebTransport({ baseUrl: url, httpVersion: "2" }),
  "connect-web, gRPC-web": web.createGrpcWebTransport({ baseUrl: url }),
};
const fails = (code, promise) =>
  assert.rejects(promise, (error) => error instanceof ConnectError && error.code === code && error.rawMessage !== "");

for (const [name, transport] of Object.entries(transports)) {
  const inference = createClient(Inference, transport);
  const classifier = createClient(Classifier, transport);

  test(`${name}: descriptions`, async () => {
    assert.equal((await inference.serverReady({})).ready, true);
    assert.equal((await inference.modelMetadata({ name: model })).outputs[0].name, "probabilities");
    assert.equal((await classifier.getModel({})).name, "MobileNetV2");
  });

  test(`${name}: pictures`, async () => {
    for (const image of batch) {
      await same((await classifier.classify({ image, topK: 3 })).predictions, image);
      const response = await inference.modelInfer({
        modelName: model,
        id: "a-request",
        inputs: [{ name: "image", datatype: "BYTES", shape: [1n] }],
        outputs: [{
          name: "probabilities",
          parameters: { classification: { parameterChoice: { case: "int64Param", value: 3n } } },
        }],
        rawInputContents: [pack([image])],
      });
      assert.equal(response.id, "a-request");
      await sameClasses(response.rawOutputContents[0], image);
    }
    const { results } = await classifier.classifyBatch({ images: batch });
    for (const [place, image] of batch.entries()) await same(results[place].result.value.predictions, image);
  });

  test(`${name}: errors`, async () => {
    await fails(Code.InvalidArgument, classifier.classify({ image: broken }));
    await fails(Code.NotFound, inference.modelMetadata({ name: "another" }));
    await fails(Code.DeadlineExceeded, classifier.classify({ image: batch[0] }, { timeoutMs: 1 }));
  });
}

test("connect-node, gRPC: a stream in both directions", async () => {
  const classifier = createClient(Classifier, transports["connect-node, gRPC"]);
  const images = async function* () {
    for (const image of batch) yield { image };
  };
  let place = 0;
  for await (const { result } of classifier.classifyStream(images())) {
    assert.equal(result.case, "response");
    await same(result.value.predictions, batch[place]);
    place += 1;
  }
  assert.equal(place, batch.length);
});

// Only a server that scripts/check_clients starts allows this origin.
test("a browser's preflight for gRPC-web", { skip: !process.env.GLIMPSE_ORIGIN }, async () => {
  const asked = ["content-type", "x-grpc-web", "x-user-agent", "grpc-timeout"];
  const response = await fetch(`${url}/glimpse.v1.Classifier/Classify`, {
    method: "OPTIONS",
    headers: {
      // "Origin" is a header that fetch lets no browser's page set; Node's fetch does.
      Origin: process.env.GLIMPSE_ORIGIN,
      "Access-Control-Request-Method": "POST",
      "Access-Control-Request-Headers": asked.join(","),
    },
  });
  assert.ok(response.ok);
  const list = (name) => (response.headers.get(name) ?? "").toLowerCase().split(/, */);
  assert.deepEqual(list("access-control-allow-origin"), [process.env.GLIMPSE_ORIGIN]);
  for (const header of asked) assert.ok(list("access-control-allow-headers").includes(header), header);
});

test("a browser's page may read the status of gRPC-web", { skip: !process.env.GLIMPSE_ORIGIN }, async () => {
  const response = await fetch(`${url}/glimpse.v1.Classifier/Classify`, {
    method: "POST",
    headers: { Origin: process.env.GLIMPSE_ORIGIN, "Content-Type": "application/grpc-web+proto", "X-Grpc-Web": "1" },
    body: new Uint8Array(5), // An empty message.
  });
  const exposed = (response.headers.get("access-control-expose-headers") ?? "").toLowerCase().split(/, */);
  for (const header of ["grpc-status", "grpc-message"]) assert.ok(exposed.includes(header), header);
  await response.arrayBuffer();
});
