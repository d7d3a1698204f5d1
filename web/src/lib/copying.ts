/** The contents of the copy buttons, and access to the clipboard. */

import type { Answer } from "./api.ts";

/** The answer as JSON, as the server sends it without the maps of the labels. */
export function asJson(answer: Answer): string {
  const predictions = answer.predictions.map(({ activation, ...prediction }) => prediction);
  return JSON.stringify(predictions, null, 2);
}

/** A POSIX shell command that sends the file `name` to the server at `url`. It does not contain the API key. */
export function asCurl(name: string, url: string, hasKey = false): string {
  const key = hasKey ? ' -H "Authorization: Bearer $API_KEY"' : "";
  // curl reads standard input for `@-`.
  const file = name === "-" ? "./-" : name;
  return `curl -sS${key} --data-binary @${quoted(file)} ${quoted(url)}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * Writes a text to the clipboard.
 *
 * @throws if the browser denies access.
 */
export async function copy(text: string): Promise<void> {
  // Browsers offer the clipboard only over HTTPS and on localhost.
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
