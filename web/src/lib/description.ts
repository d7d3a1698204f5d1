/** The API description for the docs page. The server generates the file from its code: see `scripts/describe_api`. */

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

/** The default content type of bodies. */
export const JSON_TYPE = "application/json";

/** The content type, schema and examples of a body. No response of the API has two content types. */
export function media(content: Record<string, Media>): Media & { type: string } {
  const [found] = Object.entries(content);
  if (!found) {
    throw new Error("a body of no type");
  }
  return { type: found[0], ...found[1] };
}

/** The distinct messages in the examples of a response. */
export function sentences(response: Response): string[] {
  const values = Object.values(media(response.content).examples ?? {}).map(({ value }) => value);
  return [...new Set(values.map(sentence))];
}

function sentence(value: unknown): string {
  const { message, detail } = value as { message?: string; detail?: string | { msg: string }[] };
  return message ?? (typeof detail === "string" ? detail : detail?.map(({ msg }) => msg).join(", ")) ?? "";
}

/** A text split at backticks: prose at even indices, code at odd ones. */
export function turns(text: string): string[] {
  return text.split("`");
}

export function nameOf(schema: Schema): string | undefined {
  return schema.$ref?.split("/").at(-1);
}
