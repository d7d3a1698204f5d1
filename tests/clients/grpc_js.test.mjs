// @grpc/grpc-js with @grpc/proto-loader: the usual gRPC client of Node.
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, test } from "node:test";
import { promisify } from "node:util";

import grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

import { address, batch, broken, model, pack, protos, same, sameClasses, unpack } from "./support.mjs";

const packages = grpc.loadPackageDefinition(
  loadSync(["inference.proto", "glimpse.proto"], { includeDirs: [protos], longs: Number, defaults: true }),
);
const inference = new packages.inference.GRPCInferenceService(address, grpc.credentials.createInsecure());
const classifier = new packages.glimpse.v1.Classifier(address, grpc.credentials.createInsecure());
after(() => [inference, classifier].forEach((client) => client.close()));

const call = (client, method, message, options = {}) =>
  promisify(client[method].bind(client))(message, { deadline: Date.now() + 30_000, ...options });
const asked = [{ name: "probabilities", parameters: { classification: { int64Param: 3 } } }];
const tensor = (count, rest) => ({ name: "image", datatype: "BYTES", shape: [count], ...rest });

test("the server describes itself", async () => {
  assert.deepEqual(await call(inference, "ServerLive", {}), { live: true });
  assert.deepEqual(await call(inference, "ModelReady", { name: model }), { ready: true });
  assert.equal((await call(inference, "ServerMetadata", {})).name, "glimpse");
  const config = (await call(inference, "ModelConfig", { name: model })).config;
  assert.equal(config.input[0].dataType, 13); // TYPE_STRING
});

test("pictures as elements of a field", async () => {
  for (const image of batch) {
    const inputs = [tensor(1, { contents: { bytesContents: [image] } })];
    const response = await call(inference, "ModelInfer", { modelName: model, id: "a-request", inputs, outputs: asked });
    assert.equal(response.id, "a-request");
    await sameClasses(response.rawOutputContents[0], image);
  }
});

test("pictures as raw bytes", async () => {
  const message = { modelName: model, inputs: [tensor(3)], outputs: asked, rawInputContents: [pack(batch)] };
  const response = await call(inference, "ModelInfer", message);
  assert.deepEqual(response.outputs[0].shape, [3, 3]);
  const rows = unpack(response.rawOutputContents[0]);
  for (const [place, image] of batch.entries()) await sameClasses(pack(rows.slice(3 * place, 3 * place + 3)), image);
});

test("the server's own service", async () => {
  for (const image of batch) {
    await same((await call(classifier, "Classify", { image, topK: 3 })).predictions, image);
  }
  const { results } = await call(classifier, "ClassifyBatch", { images: [...batch, broken] });
  for (const [place, image] of batch.entries()) await same(results[place].response.predictions, image);
  assert.equal(results[3].failure.code, grpc.status.INVALID_ARGUMENT);
});

test("a stream", async () => {
  const stream = classifier.ClassifyStream({ deadline: Date.now() + 30_000 });
  const results = [];
  stream.on("data", (result) => results.push(result));
  for (const image of batch) stream.write({ image });
  stream.end();
  await once(stream, "end");
  assert.equal(results.length, batch.length);
  for (const [place, image] of batch.entries()) await same(results[place].response.predictions, image);
});

test("requests at the same time", async () => {
  await Promise.all([...batch, ...batch].map(async (image) => {
    await same((await call(classifier, "Classify", { image })).predictions, image);
  }));
});

test("errors", async () => {
  const fails = (code, promise) => assert.rejects(promise, (error) => error.code === code && error.details !== "");
  await fails(grpc.status.INVALID_ARGUMENT, call(classifier, "Classify", { image: broken }));
  await fails(grpc.status.NOT_FOUND, call(inference, "ModelMetadata", { name: "another" }));
  const late = { deadline: Date.now() + 1 };
  await fails(grpc.status.DEADLINE_EXCEEDED, call(classifier, "Classify", { image: batch[0] }, late));
});
