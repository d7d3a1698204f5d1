/** The server's batch route: several pictures in one request, each with an answer of its own. */

import { type Answer, analyzeUrl, arePredictions, explained, revisionOf } from "../api.ts";
import { type Failure, failureOf, failures } from "../failure.ts";
import { mediaType } from "../files.ts";
import { type PostOptions, post } from "../post.ts";

/** The answer to one of the pictures, or why there is none. */
export type Result = Answer | Failure;

export interface BatchOptions extends Pick<PostOptions, "signal" | "limits" | "onUploaded"> {
  explains: boolean;
  /** Called with results as they come, by the places of their pictures. */
  onResults: (results: Map<number, Result>) => void;
}

/** A picture as it is sent. */
export interface Part {
  picture: Blob;
  /** Only its ending is sent, which some formats are recognized by. */
  name: string;
}

/**
 * Sends several pictures for analysis.
 *
 * @throws {Failure} if the request fails, or ends before all pictures have a result. On abort, throws the signal's reason.
 */
export async function analyzeBatch(parts: Part[], options: BatchOptions): Promise<void> {
  await explained(options.explains, (explains) => send(parts, explains, options));
}

async function send(parts: Part[], explains: boolean, { onResults, ...options }: BatchOptions): Promise<void> {
  const lines = new Lines();
  let count = 0;
  const take = (request: XMLHttpRequest) => {
    const results = new Map(lines.next(request.responseText).map((line) => resultOf(line, revisionOf(request))));
    count += results.size;
    if (results.size > 0) {
      onResults(results);
    }
  };
  take(
    await post(analyzeUrl(explains, "analyze/batch"), form(parts), {
      ...options,
      headers: { Accept: "application/x-ndjson" },
      onText: take,
    }),
  );
  if (count !== parts.length) {
    throw failures.notOurs();
  }
}

function form(parts: Part[]): FormData {
  const data = new FormData();
  for (const [index, { picture, name }] of parts.entries()) {
    const ending = /\.\w+$/.exec(name)?.[0] ?? "";
    data.append("images", picture.slice(0, picture.size, mediaType(picture)), `${index}${ending}`);
  }
  return data;
}

/** Takes the lines out of a growing text. */
class Lines {
  #taken = 0;

  /** The lines that have ended since the last call. */
  next(text: string): string[] {
    const end = text.lastIndexOf("\n") + 1;
    const lines = text.slice(this.#taken, Math.max(end, this.#taken)).split("\n");
    this.#taken = Math.max(end, this.#taken);
    return lines.filter((line) => line !== "");
  }
}

/** @throws {Failure} for a line that is no result. */
function resultOf(line: string, revision: string | undefined): [number, Result] {
  const { index, predictions, status } = parse(line);
  if (typeof index === "number" && arePredictions(predictions)) {
    return [index, { predictions, timings: [], revision }];
  }
  if (typeof index === "number" && typeof status === "number") {
    return [index, failureOf(status, line, null)];
  }
  throw failures.notOurs();
}

function parse(line: string): { index?: unknown; predictions?: unknown; status?: unknown } {
  try {
    return JSON.parse(line) ?? {};
  } catch {
    throw failures.notOurs();
  }
}
