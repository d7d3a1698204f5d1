/** What the copy buttons copy, and how. */

import type { Answer } from "./api.ts";

/** The answer as the server gave it. */
export function asJson(answer: Answer): string {
  return JSON.stringify(answer.predictions, null, 2);
}

/** A command for a POSIX shell that asks the server at `url` about the file `name`; the key is not in it. */
export function asCurl(name: string, url: string, hasKey = false): string {
  const key = hasKey ? ' -H "Authorization: Bearer $API_KEY"' : "";
  return [
    `(printf '{"base64Image":"'; base64 < ${quoted(name)} | tr -d '\\n'; printf '"}') |`,
    `  curl -sS -H 'Content-Type: application/json'${key} --data-binary @- ${quoted(url)}`,
  ].join("\n");
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * Puts a text on the clipboard.
 *
 * @throws where the browser does not let it.
 */
export async function copy(text: string): Promise<void> {
  // There is a clipboard on encrypted pages and on this machine only.
  if (navigator.clipboard) {
    return navigator.clipboard.writeText(text);
  }
  const field = document.createElement("textarea");
  field.value = text;
  field.style.position = "fixed";
  field.style.opacity = "0";
  const focused = document.activeElement;
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  if (focused instanceof HTMLElement) {
    focused.focus();
  }
  if (!done) {
    throw new Error("the browser does not copy");
  }
}
