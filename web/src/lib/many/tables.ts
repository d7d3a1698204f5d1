/** Answers as files to download. Labels are named as the API names them, in any language of the page. */

import type { Language } from "../../i18n/language.ts";
import { pathOf } from "../files.ts";
import type { Picture } from "../visit.ts";

/** A spreadsheet takes a text that begins with one of these for a formula: https://owasp.org/www-community/attacks/CSV_Injection */
const FORMULA = /^[=+\-@\t\r]/;
const LINE_END = "\r\n";
/** Excel reads a file without this mark in the character set of the system. */
const UTF8_MARK = "\ufeff";

/**
 * A table with a line for each picture: the file, its state, the message of a failure, and pairs of labels and confidences,
 * as many as the longest answer has. In the form of RFC 4180.
 */
export function asCsv(pictures: Picture[], language: Language): string {
  const rows = pictures.map((picture) => row(picture, language));
  const most = Math.max(0, ...rows.map(({ predictions }) => predictions.length));
  const ranks = Array.from({ length: most }, (_, rank) => rank);
  const header = [
    "file",
    "state",
    "message",
    ...ranks.flatMap((rank) => [`label_${rank + 1}`, `confidence_${rank + 1}`]),
  ];
  const lines = rows.map(({ file, state, message, predictions }) => [
    file,
    state,
    message ?? "",
    ...ranks.flatMap((rank) => [predictions[rank]?.label ?? "", String(predictions[rank]?.confidence ?? "")]),
  ]);
  return UTF8_MARK + [header, ...lines].map((line) => line.map(cell).join(",") + LINE_END).join("");
}

/** A list with an object for each picture. */
export function asJsonList(pictures: Picture[], language: Language): string {
  return `${JSON.stringify(
    pictures.map((picture) => row(picture, language)),
    null,
    2,
  )}\n`;
}

interface Row {
  file: string;
  /** In English, for programs. */
  state: "answered" | "failed" | "cancelled" | "open";
  /** The reason of a failure, in the language of the page. */
  message?: string;
  predictions: { label: string; confidence: number }[];
}

function row({ file, phase }: Picture, language: Language): Row {
  const name = pathOf(file);
  switch (phase.name) {
    case "answered":
      return {
        file: name,
        state: "answered",
        predictions: phase.answer.predictions.map(({ label, confidence }) => ({ label, confidence })),
      };
    case "failed":
      return { file: name, state: "failed", message: phase.failure.tell(language).message, predictions: [] };
    case "cancelled":
      return { file: name, state: "cancelled", predictions: [] };
    default:
      return { file: name, state: "open", predictions: [] };
  }
}

function cell(text: string): string {
  const plain = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}

/** Gives the visitor a text as a file. */
export function download(name: string, type: string, text: string) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  // Browsers begin to read the file after the click has been handled.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
