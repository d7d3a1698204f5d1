/** Maps: their enlargement, their place on the picture, their colours, and the sentence about them. */

import { describe, expect, test } from "vitest";
import type { Language } from "../../src/i18n/language.ts";
import { chinese, english } from "../../src/i18n/pages.ts";
import { type Activation, canvasSize, enlarge, isActivation, placed, whereabouts } from "../../src/lib/activation.ts";
import { whereText } from "../../src/lib/labels.ts";
import { colour, painted } from "../../src/lib/viridis.ts";

const WHOLE = { left: 0, top: 0, width: 1, height: 1 };

/** A map of square cells, with the values of a drawing: a digit is a tenth, `#` is 1. */
function map(drawing: string, window = WHOLE): Activation {
  const lines = drawing.split("/");
  const values = lines.flatMap((line) => [...line].map((it) => (it === "#" ? 1 : Number(it) / 10)));
  return { rows: lines.length, columns: values.length / lines.length, values, window };
}

/** A map of 7 x 7 cells, in which one is 1 and the others are 0. */
function single(row: number, column: number, window = WHOLE): Activation {
  const values = Array.from({ length: 49 }, (_, index) => (index === row * 7 + column ? 1 : 0));
  return { rows: 7, columns: 7, values, window };
}

describe("an enlarged map", () => {
  test("stays even where it is even", () => {
    for (const value of enlarge(map("555/555/555"), { width: 10, height: 8 })) {
      expect(value).toBeCloseTo(0.5, 5);
    }
  });

  test("has its maximum where the cell with the maximum has its centre", () => {
    const size = { width: 70, height: 140 };
    const large = enlarge(single(2, 5), size);
    const most = large.indexOf(Math.max(...large));
    expect([most % size.width, Math.floor(most / size.width)]).toEqual([
      expect.toBeOneOf([54, 55]),
      expect.toBeOneOf([49, 50]),
    ]);
  });

  test("rises without steps, and stays between 0 and 1", () => {
    const large = enlarge(map("00#/00#/00#"), { width: 90, height: 3 });
    const row = [...large.subarray(90, 180)];
    const steps = row.slice(1).map((value, index) => value - (row[index] ?? 0));
    expect(Math.min(...row)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...row)).toBeLessThanOrEqual(1);
    expect(Math.min(...steps)).toBeGreaterThan(-0.01);
    expect(Math.max(...steps)).toBeLessThan(0.06);
    expect([row[0], row[89]]).toEqual([expect.closeTo(0, 1), expect.closeTo(1, 1)]);
  });

  test("of one cell is even", () => {
    expect([...enlarge(map("#"), { width: 2, height: 1 })]).toEqual([expect.closeTo(1), expect.closeTo(1)]);
  });
});

describe("the place of a map", () => {
  test.each([
    [
      { width: 4000, height: 3000 },
      { width: 320, height: 240 },
    ],
    [
      { width: 300, height: 600 },
      { width: 160, height: 320 },
    ],
    [
      { width: 10, height: 10 },
      { width: 320, height: 320 },
    ],
    [
      { width: 10_000, height: 1 },
      { width: 320, height: 1 },
    ],
  ])("is a canvas of the picture's aspect ratio: %o", (picture, canvas) => {
    expect(canvasSize(picture)).toEqual(canvas);
  });

  test("is the part of the picture that the model saw", () => {
    const canvas = { width: 320, height: 240 };
    expect(placed(WHOLE, canvas)).toEqual({ left: 0, top: 0, ...canvas });
    expect(placed({ left: 0.125, top: 0, width: 0.75, height: 1 }, canvas)).toEqual({
      left: 40,
      top: 0,
      width: 240,
      height: 240,
    });
    expect(placed({ left: 0.5, top: 0.5, width: 0.0001, height: 0.0001 }, canvas)).toMatchObject({
      width: 1,
      height: 1,
    });
  });
});

describe("the colour of a value", () => {
  test("is transparent where there is no evidence, and Viridis' yellow for the strongest", () => {
    expect(colour(0)[3]).toBe(0);
    expect(colour(1)).toEqual([253, 231, 37, 255]);
    expect([...painted(new Float32Array([0, 1]))]).toEqual([68, 1, 84, 0, 253, 231, 37, 255]);
  });

  test("gets lighter and more opaque with the value", () => {
    const colours = Array.from({ length: 21 }, (_, index) => colour(index / 20));
    const lightness = colours.map(([red, green, blue]) => 0.2126 * red + 0.7152 * green + 0.0722 * blue);
    expect(lightness).toEqual(lightness.toSorted((a, b) => a - b));
    const alphas = colours.map(([, , , alpha]) => alpha);
    expect(alphas).toEqual(alphas.toSorted((a, b) => a - b));
  });
});

describe("most of the evidence", () => {
  test.each([
    [0, 0, "why.upperLeft"],
    [0, 3, "why.top"],
    [1, 6, "why.upperRight"],
    [3, 1, "why.left"],
    [3, 3, "why.centre"],
    [4, 5, "why.right"],
    [6, 0, "why.lowerLeft"],
    [5, 3, "why.bottom"],
    [6, 6, "why.lowerRight"],
  ] as const)("in row %i and column %i is at %s", (row, column, place) => {
    expect(whereabouts(single(row, column))).toBe(place);
  });

  test("counts more than weak evidence elsewhere", () => {
    expect(whereabouts(map("##222/##222/22222/22222/22222"))).toBe("why.upperLeft");
  });

  test("is in coordinates of the picture, of which the model may have seen a part", () => {
    const middle = { left: 0.35, top: 0, width: 0.3, height: 1 };
    expect(whereabouts(single(3, 0, middle))).toBe("why.centre");
    expect(whereabouts(single(0, 6, middle))).toBe("why.top");
  });

  test.each(["#", "##/##", "898/989/898", "#00#/0000/0000/#00#"])("is all over the picture: %s", (drawing) => {
    expect(whereabouts(map(drawing))).toBe(drawing === "#" ? "why.centre" : "even");
  });

  test("is nowhere in a map without evidence", () => {
    expect(whereabouts(map("000/000/000"))).toBe("none");
  });
});

describe("the sentence", () => {
  const say = (activation: Activation, language: Language = english) =>
    whereText({ label: "Egyptian_cat", confidence: 0.8, activation }, language);

  test("is in English", () => {
    expect(say(single(0, 0))).toBe("For Egyptian cat it looked mostly at the upper left.");
    expect(say(map("##/##"))).toBe("For Egyptian cat it looked all over the picture.");
    expect(say(map("00/00"))).toBe("Nothing in the picture speaks for Egyptian cat.");
  });

  test("is in Chinese, with the label in Chinese", () => {
    const language = { ...chinese, labels: new Map([["Egyptian_cat", "埃及猫"]]) };
    expect(say(single(0, 0), language)).toBe("判断为“埃及猫”时，主要看的是画面的左上方。");
    expect(say(map("##/##"), language)).toBe("判断为“埃及猫”时，看的是整个画面。");
    expect(say(map("00/00"), language)).toBe("画面中没有支持“埃及猫”的依据。");
  });

  test("is missing without a map", () => {
    expect(whereText({ label: "tabby", confidence: 0.1 }, english)).toBeUndefined();
  });
});

test.each([
  [single(0, 0), true],
  [null, false],
  [{}, false],
  [{ ...single(0, 0), rows: 6 }, false],
  [{ ...single(0, 0), values: [] }, false],
  [{ ...single(0, 0), window: undefined }, false],
  [{ ...map("#"), values: ["1"] }, false],
])("a map is told from what is none: %o", (value, isOne) => {
  expect(isActivation(value)).toBe(isOne);
});
