/** The API description for the docs page. The server generates the file from its code: see `scripts/describe_api`. */

import file from "../openapi.json";

type TypeName = "array" | "integer" | "null" | "number" | "object" | "string";

export interface Schema {
  $ref?: string;
  type?: TypeName | TypeName[];
  format?: string;
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  oneOf?: Schema[];
  minimum?: number;
  maximum?: number;
  minItems?: number;
  default?: unknown;
}

export interface Parameter {
  name: string;
  in: string;
  description: string;
  required: boolean;
  schema: Schema;
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
  parameters?: Parameter[];
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

/** Contents that their content type tells more of than their schema. */
const TOLD_BY_TYPE: Record<string, string> = {
  "application/octet-stream": "the file itself",
  "image/*": "the file itself",
  "application/x-ndjson": "lines of JSON",
};

/** A form that a body may have. */
export interface Form {
  types: string[];
  schema: Schema;
  /** The content in words, where the schema does not tell it. */
  text?: string | undefined;
}

/** The forms that a body may have, in the order of the file. Content types with the same content are one form. */
export function forms(content: Record<string, Media>): Form[] {
  const found = new Map<string, Form>();
  for (const [type, { schema }] of Object.entries(content)) {
    const text = TOLD_BY_TYPE[type];
    const key = text ?? JSON.stringify(schema);
    const form = found.get(key);
    form ? form.types.push(type) : found.set(key, { types: [type], schema, text });
  }
  return [...found.values()];
}

/** The distinct messages in the examples of a response. */
export function sentences(response: Response): string[] {
  const examples = Object.values(response.content).flatMap(({ examples }) => Object.values(examples ?? {}));
  return [...new Set(examples.map(({ value }) => sentence(value)))];
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

const WORDS: Record<TypeName, string> = {
  array: "list",
  integer: "whole number",
  null: "null",
  number: "number",
  object: "object",
  string: "text",
};

/** A type without parts, in words: "whole number, at least 1, 3 by default". */
export function typeInWords({ type, format, minimum = 0, maximum, default: usual }: Schema): string {
  const names = [type ?? []].flat().map((name) => (format === "binary" ? "file" : WORDS[name]));
  const least = minimum > 0 ? [`at least ${minimum}`] : [];
  const range = maximum === undefined ? least : [`${minimum} to ${maximum}`];
  return [names.join(" or ") || "anything", ...range, ...(usual === undefined ? [] : [`${usual} by default`])].join(
    ", ",
  );
}

/** The objects that a schema describes: one, or several of which a value is one. */
export function variants(schema: Schema): Schema[] {
  return schema.oneOf ?? [schema];
}
