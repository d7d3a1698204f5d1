/** Files: accepted formats, drops and pastes, base64. */

import formats from "../formats.json";
import { failures } from "./failure.ts";

/** The formats that the server decodes, for the file dialog. scripts/describe_api writes the list. */
export const ACCEPTED = formats.accepted.join(",");

/** Whether a drag or a paste contains files. */
export function hasFiles(transfer: DataTransfer | null): boolean {
  return transfer?.types.includes("Files") ?? false;
}

/** The files of a drop or a paste. */
export function filesOf(transfer: DataTransfer | null): File[] {
  return [...(transfer?.files ?? [])];
}

/** The length of the padded base64 of `bytes` bytes. */
export function base64Length(bytes: number): number {
  return Math.ceil(bytes / 3) * 4;
}

/**
 * The bytes of a file as base64, without line breaks.
 *
 * @throws {Failure} if it is empty or can't be read.
 */
export function readAsBase64(file: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    if (file.size === 0) {
      reject(failures.empty());
      return;
    }
    const reader = new FileReader();
    reader.onload = () => {
      const url = String(reader.result);
      resolve(url.slice(url.indexOf(",") + 1));
    };
    reader.onerror = () => reject(failures.unreadable());
    reader.readAsDataURL(file);
  });
}
