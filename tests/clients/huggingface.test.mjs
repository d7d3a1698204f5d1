// @huggingface/inference: Hugging Face's client for Node and browsers, with the server's URL as an endpoint.
import assert from "node:assert/strict";
import { test } from "node:test";

import { imageClassification, InferenceClient } from "@huggingface/inference";

import { batch, broken, model, same, url } from "./support.mjs";

const pairs = (found) => found.map(({ label, score }) => ({ label, confidence: score }));

for (const type of ["image/jpeg", "image/png", ""]) {
  test(`a picture of the type "${type}"`, async () => {
    const endpoint = new InferenceClient().endpoint(url);
    for (const image of batch) {
      // The server goes by the bytes, not by the type. Hugging Face answers with five labels.
      await same(pairs(await endpoint.imageClassification({ data: new Blob([image], { type }) })), image, 5);
    }
  });
}

test("an URL in the arguments, and a token", async () => {
  const found = await imageClassification({
    endpointUrl: `${url}/models/${model}`, accessToken: "hf_token", data: new Blob([batch[0]], { type: "image/png" }),
  });
  await same(pairs(found), batch[0], 5);
});

test("errors", async () => {
  const endpoint = new InferenceClient().endpoint(url);
  await assert.rejects(endpoint.imageClassification({ data: new Blob([broken], { type: "image/png" }) }), (error) => {
    const { status, body } = error.httpResponse;
    assert.ok(status >= 400 && status < 500);
    // The client passes the server's sentence on.
    assert.ok(body.error && error.message.endsWith(body.error));
    return true;
  });
});
