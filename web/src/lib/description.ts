/** The description of the API as its page shows it. The server makes the file from its code: see `scripts/describe_api`. */

import file from "../openapi.json";

export interface Schema {
  $ref?: string;
  type?: "array" | "integer" | "number" | "object" | "string";
  description?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  oneOf?: Schema[];
  minimum?: number;
  maximum?: number;
  maxItems?: number;
}

interface Media {
  schema: Schema;
  example?: unknown;
  examples?: Record<string, { value: unknown }>;
}

interface Response {
  description: string;
  headers: Record<string, unknown>;
  content: Record<string, Media>;
}

interface Operation {
  tags: string[];
  summary: string;
  description?: string;
  operationId: string;
  requestBody?: { content: Record<string, Media> };
  responses: Record<string, Response>;
}

interface Description {
  info: { description: string };
  tags: { name: string; description: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: {
    schemas: Record<string, Schema>;
    headers: Record<string, { description: string; example: unknown }>;
  };
}

export const DESCRIPTION = file as unknown as Description;

/** The operations of a tag, in the order of the file. */
export function operations(tag: string) {
  const all = Object.entries(DESCRIPTION.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ ...operation, path, method: method.toUpperCase() })),
  );
  return all.filter(({ tags }) => tags.includes(tag));
}

/** The content of bodies where nothing else is said. */
export const JSON_TYPE = "application/json";

/** What a body is and looks like: no answer of the API comes in two types. */
export function media(content: Record<string, Media>): Media & { type: string } {
  const [found] = Object.entries(content);
  if (!found) {
    throw new Error("a body of no type");
  }
  return { type: found[0], ...found[1] };
}

/** The sentences of an answer's examples, each once. */
export function sentences(response: Response): string[] {
  const values = Object.values(media(response.content).examples ?? {}).map(({ value }) => value);
  return [...new Set(values.map(sentence))];
}

function sentence(value: unknown): string {
  const { message, detail } = value as { message?: string; detail?: string | { msg: string }[] };
  return message ?? (typeof detail === "string" ? detail : detail?.map(({ msg }) => msg).join(", ")) ?? "";
}

/** A text in turns: words, code that stood between backticks, words ... */
export function turns(text: string): string[] {
  return text.split("`");
}

export function nameOf(schema: Schema): string | undefined {
  return schema.$ref?.split("/").at(-1);
}
