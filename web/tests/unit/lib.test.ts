import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { chinese, english } from "../../src/i18n/pages.ts";
import { asCurl, asJson, copy } from "../../src/lib/copying.ts";
import { draw, isOpaque } from "../../src/lib/drawing.ts";
import { labelWords } from "../../src/lib/labels.ts";
import { parseServerTiming, total } from "../../src/lib/serverTiming.ts";
import { SHORT_SIDE, shortSideFor, smaller } from "../../src/lib/shrink.ts";
import { EMPTY, type Picture, reduce } from "../../src/lib/visit.ts";
import { scriptHashes } from "../../tools/content-security-policy.ts";
import { relative } from "../../tools/relative-urls.ts";
import { PREDICTIONS, picture } from "./server.ts";

describe("formats", () => {
  test("labels, numbers and times", () => {
    const { percent, bytes, duration, alternatives } = english.format;
    expect(labelWords("black-and-tan_coonhound")).toBe("black-and-tan coonhound");
    expect([0, 0.00049, 0.79767, 1].map(percent)).toEqual(["0.0 %", "0.0 %", "79.8 %", "100.0 %"]);
    expect([0, 999, 1000, 9_949, 250_000, 3_900_000, 20_971_520].map(bytes)).toEqual([
      "0 bytes",
      "999 bytes",
      "1.0 kB",
      "9.9 kB",
      "250 kB",
      "3.9 MB",
      "21 MB",
    ]);
    expect([0.04, 9.94, 12.4, 999, 1000, 61_500].map(duration)).toEqual([
      "0.0 ms",
      "9.9 ms",
      "12 ms",
      "999 ms",
      "1.0 s",
      "61.5 s",
    ]);
    expect(alternatives(["PNG", "PNM", "QOI"])).toBe("PNG, PNM or QOI");
  });

  test("in Chinese", () => {
    const { number, percent, threshold, progress, bytes, duration, seconds, alternatives } = chinese.format;
    expect([percent(0.79767), threshold(0.125), progress(0.999)]).toEqual(["79.8%", "12.5%", "99%"]);
    expect([bytes(1), bytes(250_000), number(1000), number(21_841)]).toEqual(["1 字节", "250 kB", "1000", "21,841"]);
    expect([duration(9.94), duration(1000), seconds(40)]).toEqual(["9.9 毫秒", "1.0 秒", "40 秒"]);
    expect(alternatives(["PNG", "PNM", "QOI"])).toBe("PNG、PNM 或 QOI");
  });

  test("Server-Timing", () => {
    expect(parseServerTiming(null)).toEqual([]);
    expect(parseServerTiming("")).toEqual([]);
    const timings = parseServerTiming('queue;dur=1.5, cache, db;desc="x";dur=2,broken;dur=soon');
    expect(timings).toEqual([
      { name: "queue", milliseconds: 1.5 },
      { name: "db", milliseconds: 2 },
    ]);
    expect(total(timings)).toBe(3.5);
  });
});

describe("shrinking", () => {
  test("keeps the short side and the shape", () => {
    expect(smaller({ width: 4000, height: 3000 }, SHORT_SIDE)).toEqual({ width: 1195, height: 896 });
    expect(smaller({ width: 3000, height: 4000 }, SHORT_SIDE)).toEqual({ width: 896, height: 1195 });
    expect(smaller({ width: SHORT_SIDE, height: 9000 }, SHORT_SIDE)).toBeUndefined();
    expect(smaller({ width: 500, height: 375 }, SHORT_SIDE)).toBeUndefined();
    expect(smaller({ width: 4000, height: 3000 }, 2560)).toEqual({ width: 3413, height: 2560 });
  });

  test("leaves a model of larger pictures what it reads", () => {
    expect(shortSideFor(undefined)).toBe(SHORT_SIDE);
    expect(shortSideFor({ width: 96, height: 96 })).toBe(SHORT_SIDE);
    expect(shortSideFor({ width: 224, height: 224 })).toBe(SHORT_SIDE);
    expect(shortSideFor({ width: 640, height: 480 })).toBe(2560);
  });

  test("sees one transparent pixel", () => {
    expect(isOpaque(Uint8ClampedArray.of(1, 2, 3, 255, 4, 5, 6, 255))).toBe(true);
    expect(isOpaque(Uint8ClampedArray.of(1, 2, 3, 255, 4, 5, 6, 254))).toBe(false);
  });

  test("leaves what can't be decoded as it is", async () => {
    const decode = vi.fn(() => Promise.reject(new Error("not decodable")));
    vi.stubGlobal("createImageBitmap", decode);
    const tiff = picture("a.tif", "II*", "image/tiff");
    expect(await draw(tiff, { shortSide: SHORT_SIDE, thumbnail: true })).toEqual({});
    expect(decode).toHaveBeenCalledOnce();
    vi.unstubAllGlobals();
  });
});

describe("a visit", () => {
  const added = (id: number): Picture => ({ id, file: picture(), thumbnail: undefined, phase: { name: "waiting" } });
  const both = reduce(EMPTY, { type: "added", pictures: [added(1), added(2)] });

  test("looks at the first of the new pictures", () => {
    expect(both.selected).toBe(1);
    expect(reduce(both, { type: "added", pictures: [added(3)] }).selected).toBe(3);
    expect(reduce(both, { type: "selected", id: 2 }).selected).toBe(2);
  });

  test("moves pictures together, and leaves the others what they are", () => {
    const moved = reduce(both, { type: "moved", phases: new Map([[2, { name: "analyzing" }]]) });
    expect(moved.pictures.map(({ phase }) => phase.name)).toEqual(["waiting", "analyzing"]);
    expect(moved.pictures[0]).toBe(both.pictures[0]);
  });

  test("keeps nothing once it is cleared", () => {
    expect(reduce(both, { type: "cleared" })).toEqual(EMPTY);
  });
});

describe("copying", () => {
  const answer = { predictions: PREDICTIONS, timings: [] };

  test("the answer as JSON", () => {
    expect(JSON.parse(asJson(answer))).toEqual(PREDICTIONS);
  });

  test("a command that survives any file name", () => {
    const command = asCurl("it's a $(cat).jpg", "http://localhost:8080/api/v1/analyze");
    expect(command).toContain(`--data-binary @'it'\\''s a $(cat).jpg'`);
    expect(command).toContain("'http://localhost:8080/api/v1/analyze'");
    expect(command).not.toContain("Authorization");
    expect(asCurl("-", "http://x")).toBe("curl -sS --data-binary @'./-' 'http://x'");
    expect(asCurl("a.jpg", "http://x", true)).toContain('-H "Authorization: Bearer $API_KEY"');
  });

  describe("without a clipboard", () => {
    const execCommand = vi.fn<() => boolean>();
    beforeEach(() => {
      vi.stubGlobal("navigator", {});
      Object.assign(document, { execCommand });
    });
    afterEach(() => vi.unstubAllGlobals());

    test("goes through the selection, and leaves the page as it was", async () => {
      document.body.innerHTML = "<button>Copy</button>";
      const button = document.querySelector("button");
      button?.focus();
      execCommand.mockImplementation(() => {
        expect(document.querySelector("textarea")?.value).toBe("text");
        return true;
      });
      await copy("text");
      expect(document.querySelector("textarea")).toBeNull();
      expect(document.activeElement).toBe(button);
    });

    test("says where the browser refuses", async () => {
      execCommand.mockReturnValue(false);
      await expect(copy("text")).rejects.toThrow();
    });
  });
});

test("the built files name each other by relative URLs", () => {
  const page = '<a href="/">a</a> <img src="/_astro/a.jpg"><a href="//b/c">/d</a><form action="/answer"><a href="#e">';
  const expected =
    '<a href="./">a</a> <img src="./_astro/a.jpg"><a href="//b/c">/d</a><form action="./answer"><a href="#e">';
  expect(relative("index.html", page)).toBe(expected);
  expect(relative("a/b/index.html", '<a href="/docs">')).toBe('<a href="../../docs">');
  expect(relative("_astro/a.css", "a{src:url(/_astro/b.woff2)}")).toBe("a{src:url(../_astro/b.woff2)}");
  expect(relative("_astro/a.js", 'import"./b.js";x={src:"/_astro/c.jpg"}')).toBe(
    'import"./b.js";x={src:"./_astro/c.jpg"}',
  );
});

test("inline scripts are allowed by their hashes, others by their address", () => {
  const html = '<script src="/a.js"></script><script type="module">alert(1)</script><p>x</p>';
  expect(scriptHashes(html)).toEqual(["'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='"]);
});
