// What the tests of the clients for Node share. As in support.py, every client must give the answer of /api/v1/analyze.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const address = process.env.GLIMPSE_ADDRESS;
export const url = `http://${address}`;
export const model = process.env.GLIMPSE_MODEL_NAME ?? "MobileNetV2";
export const protos = fileURLToPath(new URL("../../src/grpc/proto", import.meta.url));
export const broken = new TextEncoder().encode("This is no picture.");

export const picture = (name) => new Uint8Array(readFileSync(new URL(`../pictures/${name}`, import.meta.url)));
// Three pictures with three different answers.
export const batch = ["chelsea.png", "coffee.jpg", "rocket.jpg"].map(picture);

// The labels and confidences of the server's own API, the most likely first.
export async function answer(image, topK = 3) {
  const response = await fetch(`${url}/api/v1/analyze?top_k=${topK}`, { method: "POST", body: image });
  assert.equal(response.status, 200);
  return response.json();
}

// Checks labels and confidences that a client received. The confidences are equal as 32-bit floating-point numbers.
export async function same(found, image, topK = 3) {
  const plain = (all) => all.map(({ label, confidence }) => [label, Math.fround(confidence)]);
  assert.deepEqual(plain(found), plain(await answer(image, topK)));
}

// Checks a tensor of BYTES in binary form with elements of Triton's classification extension: "value:index:label".
export async function sameClasses(raw, image, topK = 3) {
  const found = unpack(raw).map((element) => {
    const [value, , ...label] = element.toString().split(":");
    return { label: label.join(":"), confidence: Number(value) };
  });
  await same(found, image, topK);
}

// A tensor of BYTES in binary form: a length of 32 bits (little-endian) in front of each element.
export function pack(pictures) {
  return Buffer.concat(pictures.flatMap((one) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(one.length);
    return [length, one];
  }));
}

// The elements of such a tensor.
export function unpack(raw) {
  const bytes = Buffer.from(raw);
  const found = [];
  for (let start = 0; start < bytes.length; ) {
    const end = start + 4 + bytes.readUInt32LE(start);
    found.push(bytes.subarray(start + 4, end));
    start = end;
  }
  return found;
}
