import { describe, expect, test } from "vitest";
import {
  DESCRIPTION,
  forms,
  nameOf,
  operations,
  type Schema,
  sentences,
  turns,
  typeInWords,
  variants,
} from "../../src/lib/description.ts";

const SHOWN = DESCRIPTION.tags.flatMap(({ name }) => operations(name));
/** The bodies of all requests and responses. */
const BODIES = SHOWN.flatMap(({ requestBody, responses }) => [
  ...(requestBody ? [requestBody] : []),
  ...Object.values(responses),
]).map(({ content }) => content);

function operation(path: string) {
  return SHOWN.find((operation) => operation.path === path);
}

describe("the description of the API", () => {
  test("every operation stands under one of the page's headings", () => {
    const described = Object.values(DESCRIPTION.paths).flatMap((methods) => Object.keys(methods));
    expect(SHOWN.length).toBe(described.length);
    expect(SHOWN[0]).toMatchObject({ method: "POST", path: "/api/v1/analyze" });
  });

  test("whatever is named is described", () => {
    const bodies = BODIES.flatMap((content) => Object.values(content)).map(({ schema }) => schema);
    const names = [...bodies, ...Object.values(DESCRIPTION.components.schemas)].flatMap(namesIn);
    expect(names).toContain("Prediction");
    expect(Object.keys(DESCRIPTION.components.schemas)).toEqual(expect.arrayContaining(names));
  });

  test("every content type of a body is shown, each once", () => {
    for (const content of BODIES) {
      expect(forms(content).flatMap(({ types }) => types)).toEqual(Object.keys(content));
    }
  });

  test("a picture may be sent in several forms", () => {
    const sent = forms(operation("/api/v1/analyze")?.requestBody?.content ?? {});
    expect(sent.map(({ types, text, schema }) => [types, text ?? nameOf(schema)])).toEqual([
      [["application/json"], "Picture"],
      [["application/octet-stream", "image/*"], "the file itself"],
      [["multipart/form-data"], "PictureForm"],
    ]);
  });

  test("several pictures are answered with a list or with lines", () => {
    const batch = operation("/api/v1/analyze/batch");
    const answered = forms(batch?.responses["200"]?.content ?? {});
    expect(answered).toMatchObject([
      { types: ["application/json"], schema: { items: { $ref: "#/components/schemas/Answer" } } },
      { types: ["application/x-ndjson"], text: "lines of JSON" },
    ]);
  });

  test("parameters are in the query and optional, as the page says", () => {
    const parameters = SHOWN.flatMap(({ parameters }) => parameters ?? []);
    expect(parameters.filter((it) => it.in !== "query" || it.required)).toEqual([]);
    const words = parameters.map(({ name, schema }) => [name, typeInWords(schema)]);
    expect(words.slice(0, 2)).toEqual([
      ["top_k", "whole number, at least 1"],
      ["min_confidence", "number, 0 to 1"],
    ]);
  });

  test("every named type has its fields shown", () => {
    for (const [name, schema] of Object.entries(DESCRIPTION.components.schemas)) {
      const shapes = variants(schema);
      expect(shapes.length, name).toBeGreaterThan(0);
      expect(
        shapes.map(({ properties }) => Object.keys(properties ?? {}).length),
        name,
      ).not.toContain(0);
    }
    const titles = variants(DESCRIPTION.components.schemas.Answer ?? {}).map(({ description }) => description);
    expect(titles).toEqual(["What is in the picture.", "Why the picture has no labels."]);
  });

  test("types in words", () => {
    expect(typeInWords({})).toBe("anything");
    expect(typeInWords({ type: "integer", minimum: 0 })).toBe("whole number");
    expect(typeInWords({ type: "number", minimum: 0, maximum: 1 })).toBe("number, 0 to 1");
    expect(typeInWords({ type: ["integer", "null"], minimum: 0 })).toBe("whole number or null");
    expect(typeInWords({ type: "string", format: "binary" })).toBe("file");
    const said = Object.values(DESCRIPTION.components.schemas).flatMap(leaves).map(typeInWords);
    expect(said.filter((words) => /undefined|^$/.test(words))).toEqual([]);
  });

  test("an answer's sentences, each once", () => {
    const response = (...values: unknown[]) => ({
      description: "",
      headers: {},
      content: { a: { schema: {}, examples: Object.fromEntries(values.map((value, index) => [index, { value }])) } },
    });
    expect(sentences(response({ message: "No." }, { message: "Never." }))).toEqual(["No.", "Never."]);
    expect(sentences(response({ detail: "No." }, { detail: "No." }))).toEqual(["No."]);
    expect(sentences(response({ detail: [{ msg: "Too long" }, { msg: "Too late" }] }))).toEqual(["Too long, Too late"]);
    expect(sentences(response())).toEqual([]);
  });

  test("words and code in turns", () => {
    expect(turns("words")).toEqual(["words"]);
    expect(turns("`code` and `more`")).toEqual(["", "code", " and ", "more", ""]);
  });
});

/** The schemas that a schema refers to. */
function namesIn(schema: Schema): string[] {
  const parts = [schema.items, ...(schema.oneOf ?? []), ...Object.values(schema.properties ?? {})];
  const own = nameOf(schema);
  return [...(own ? [own] : []), ...parts.flatMap((part) => (part ? namesIn(part) : []))];
}

/** The schemas without parts in a schema. */
function leaves(schema: Schema): Schema[] {
  const parts = [schema.items, ...(schema.oneOf ?? []), ...Object.values(schema.properties ?? {})];
  const found = parts.filter((part) => part !== undefined);
  return found.length > 0 ? found.flatMap(leaves) : [schema];
}
