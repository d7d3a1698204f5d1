/** Files: accepted formats, drops and pastes, and checks before sending. */

import formats from "../formats.json";
import { failures } from "./failure.ts";

/** The formats that the server decodes, for the file dialog. scripts/describe_api writes the list. */
export const ACCEPTED = formats.accepted.join(",");

/** Whether a drag or a paste contains files. */
export function hasFiles(transfer: DataTransfer | null): boolean {
  return transfer?.types.includes("Files") ?? false;
}

/** The files of a paste. */
export function filesOf(transfer: DataTransfer | null): File[] {
  return [...(transfer?.files ?? [])];
}

/** The files that were chosen in an input, which is emptied: choosing the same file again fires no event otherwise. */
export function takeChosen(input: HTMLInputElement): File[] {
  const files = [...(input.files ?? [])];
  input.value = "";
  return files;
}

/** A file's path in the folder that it was chosen with, or its name. */
export function pathOf(file: File): string {
  return file.webkitRelativePath || file.name;
}

/** The endings of pictures' names. Those that the list names by their media types, besides. */
const ENDINGS = new Set([
  ...formats.accepted.filter((it) => it.startsWith(".")),
  ".jpg",
  ".jpeg",
  ".png",
  ".webp",
  ".gif",
]);

/** Whether a file of a folder may be a picture that the server decodes. Hidden files are none. */
export function isPicture({ name, type }: File): boolean {
  const ending = name.slice(name.lastIndexOf(".")).toLowerCase();
  return !name.startsWith(".") && (type.startsWith("image/") || ENDINGS.has(ending));
}

/** The media type of a file that the browser knows no picture type for. The server looks at the bytes. */
const UNKNOWN = "application/octet-stream";

/** The media type to send a file with. The server refuses types other than pictures before it looks at the bytes. */
export function mediaType(file: Blob): string {
  return file.type.startsWith("image/") ? file.type : UNKNOWN;
}

/**
 * Reads the first byte of a file. Fails for a folder, and for a file that has changed or gone since it was chosen.
 *
 * @throws {Failure} if the file is empty or can't be read.
 */
export async function checkReadable(file: Blob): Promise<void> {
  try {
    // A file that has gone may have a size of 0, and its slices are empty: only reading all of it fails.
    await (file.size === 0 ? file : file.slice(0, 1)).arrayBuffer();
  } catch {
    throw failures.unreadable();
  }
  if (file.size === 0) {
    throw failures.empty();
  }
}
