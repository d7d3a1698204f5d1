import { describe, expect, test } from "vitest";
import { DESCRIPTION, media, nameOf, operations, type Schema, sentences, turns } from "../../src/lib/description.ts";

describe("the description of the API", () => {
  test("every operation stands under one of the page's headings", () => {
    const shown = DESCRIPTION.tags.flatMap(({ name }) => operations(name));
    const described = Object.values(DESCRIPTION.paths).flatMap((methods) => Object.keys(methods));
    expect(shown.length).toBe(described.length);
    expect(shown[0]).toMatchObject({ method: "POST", path: "/api/v1/analyze" });
  });

  test("whatever is named is described", () => {
    const bodies = DESCRIPTION.tags
      .flatMap(({ name }) => operations(name))
      .flatMap(({ requestBody, responses }) => [...(requestBody ? [requestBody] : []), ...Object.values(responses)])
      .map(({ content }) => media(content).schema);
    const names = [...bodies, ...Object.values(DESCRIPTION.components.schemas)].flatMap(namesIn);
    expect(names).toContain("Prediction");
    expect(Object.keys(DESCRIPTION.components.schemas)).toEqual(expect.arrayContaining(names));
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
