// Measures how much the page shrinks 12-megapixel photographs and whether the answers change: `npm run measure-shrink`.
// PICTURES=/a/folder names other pictures. Smaller ones are first enlarged to 12 megapixels, with a sensor's grain.

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { largePhotograph, launch, samplesFolder, startServer, Visitor } from "../browser/support.ts";

const folder = process.env.PICTURES ?? samplesFolder;
/** The first label and its confidence for each picture. */
type Top = { label: string; confidence: number };

test("shrinking", { timeout: 3_600_000 }, async () => {
  const names = (await readdir(folder)).filter((name) => /\.(jpe?g|png|webp)$/i.test(name)).sort();
  expect(names, `there are no pictures in ${folder}`).not.toHaveLength(0);
  const [browser, server] = await Promise.all([launch(), startServer({ MAX_BODY_BYTES: "100000000" })]);
  const rows: { name: string; before: number; after: number; full: Top; shrunk: Top }[] = [];
  for (const name of names) {
    const visitor = await Visitor.open(browser, server);
    const buffer = await largePhotograph(visitor, await readFile(join(folder, name)));
    const answers: Top[] = [];
    for (const shrinks of [false, true]) {
      await visitor.shrinks().setChecked(shrinks);
      const response = visitor.page.waitForResponse("**/api/v1/analyze*");
      await visitor.choose({ name, mimeType: "image/jpeg", buffer });
      const [top] = (await (await response).json()) as Top[];
      answers.push(top as Top);
    }
    const after = (await visitor.sent()).at(-1)?.length ?? 0;
    rows.push({ name, before: buffer.length, after, full: answers[0] as Top, shrunk: answers[1] as Top });
    await visitor.close();
  }
  await Promise.all([browser.close(), server.stop()]);
  report(rows);
});

function report(rows: { name: string; before: number; after: number; full: Top; shrunk: Top }[]) {
  const line = (text: string) => process.stdout.write(`${text}\n`);
  for (const { name, before, after, full, shrunk } of rows) {
    const change = full.label === shrunk.label ? "" : `  ${full.label} -> ${shrunk.label}`;
    const sizes = `${(before / 1000).toFixed(0).padStart(6)} kB -> ${(after / 1000).toFixed(0).padStart(5)} kB`;
    line(`${sizes}  ${full.confidence.toFixed(3)} -> ${shrunk.confidence.toFixed(3)}  ${name}${change}`);
  }
  const same = rows.filter(({ full, shrunk }) => full.label === shrunk.label);
  const ratios = rows.map(({ before, after }) => before / after).sort((a, b) => a - b);
  const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0);
  const changes = same.map(({ full, shrunk }) => Math.abs(full.confidence - shrunk.confidence));
  line(`${same.length} of ${rows.length} photographs keep their first label`);
  line(
    `its confidence changes by ${(sum(changes) / changes.length).toFixed(4)} on average, ${Math.max(...changes).toFixed(4)} at most`,
  );
  line(
    `uploads shrink ${ratios[Math.floor(ratios.length / 2)]?.toFixed(1)} times (median), ${ratios[0]?.toFixed(1)} to ${ratios.at(-1)?.toFixed(1)}`,
  );
}
