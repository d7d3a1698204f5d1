import { describe, expect, test } from "vitest";
import { english } from "../../src/i18n/pages.ts";
import type { Phase } from "../../src/lib/analysis.ts";
import { failures } from "../../src/lib/failure.ts";
import { isPicture } from "../../src/lib/files.ts";
import { chosen, EVERYTHING, labelsOf } from "../../src/lib/many/choice.ts";
import { asCsv, asJsonList } from "../../src/lib/many/tables.ts";
import type { Picture } from "../../src/lib/visit.ts";
import { picture } from "./server.ts";

function answered(label: string, confidence: number): Phase {
  const predictions = [
    { label, confidence },
    { label: "other, one", confidence: 0.01 },
  ];
  return { name: "answered", answer: { predictions, timings: [] }, milliseconds: 1, sent: 1 };
}

function of(id: number, name: string, phase: Phase): Picture {
  return { id, file: picture(name), thumbnail: null, phase };
}

const PICTURES = [
  of(1, "b10.jpg", answered("Egyptian_cat", 0.9)),
  of(2, "b9.jpg", answered("espresso", 0.5)),
  of(3, "a.jpg", { name: "failed", failure: failures.empty() }),
  of(4, "c.jpg", { name: "waiting" }),
  of(5, "d.jpg", answered("tiger_cat", 0.696)),
];

function ids(choice: Partial<typeof EVERYTHING>) {
  return chosen(PICTURES, { ...EVERYTHING, ...choice }, english).map(({ id }) => id);
}

describe("the gallery shows", () => {
  test.each([
    [{}, [1, 2, 3, 4, 5]],
    [{ label: " CAT " }, [1, 5]],
    [{ label: "Egyptian cat" }, [1]],
    [{ confidence: 0.6 }, [1, 5]],
    [{ confidence: 0.7 }, [1, 5]],
    [{ label: "cat", confidence: 0.8 }, [1]],
    [{ state: "failed" }, [3]],
    [{ state: "open" }, [4]],
    [{ state: "answered", order: "leastSure" }, [2, 5, 1]],
    [{ order: "surest" }, [1, 5, 2, 3, 4]],
    [{ order: "leastSure" }, [2, 5, 1, 3, 4]],
    [{ order: "name" }, [3, 2, 1, 4, 5]],
    [{ order: "label" }, [1, 2, 5, 3, 4]],
  ] as const)("%o as %o", (choice, expected) => {
    expect(ids(choice)).toEqual(expected);
  });

  test("labels by their frequency", () => {
    const twice = [...PICTURES, of(6, "e.jpg", answered("espresso", 0.2))];
    expect(labelsOf(twice, english)[0]).toEqual(["espresso", 2]);
  });
});

describe("a download", () => {
  const list = [of(1, '=1+"2".jpg', answered("Egyptian_cat", 0.9)), ...PICTURES.slice(2, 4)];

  test("as CSV has quotes, no formulas, and the API's labels", () => {
    expect(asCsv(list, english)).toBe(
      "\ufefffile,state,message,label_1,confidence_1,label_2,confidence_2\r\n" +
        `"'=1+""2"".jpg",answered,,Egyptian_cat,0.9,"other, one",0.01\r\n` +
        "a.jpg,failed,Choose another one.,,,,\r\n" +
        "c.jpg,open,,,,,\r\n",
    );
  });

  test("as JSON is a list", () => {
    expect(JSON.parse(asJsonList(list, english))[2]).toEqual({ file: "c.jpg", state: "open", predictions: [] });
    expect(JSON.parse(asJsonList(list, english))[0].predictions[0]).toEqual({ label: "Egyptian_cat", confidence: 0.9 });
  });
});

test.each([
  ["a.JPG", "", true],
  ["a.heic", "", true],
  ["a", "image/png", true],
  ["notes.txt", "text/plain", false],
  [".a.jpg", "image/jpeg", false],
])("of a folder, %s of the type '%s' is a picture: %s", (name, type, expected) => {
  expect(isPicture(picture(name, "x", type))).toBe(expected);
});
