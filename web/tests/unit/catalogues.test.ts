/** The catalogues, and where their texts are used. */

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import en from "../../src/i18n/en.json";
import { LANGUAGES } from "../../src/i18n/languages.ts";
import { translator } from "../../src/i18n/sentences.ts";
import sentences from "../../src/i18n/sentences.zh.json";
import zh from "../../src/i18n/zh.json";
import { DESCRIPTION, sentences as examples } from "../../src/lib/description.ts";
import { literalsInAstro, literalsInTsx, sources } from "./literals.ts";

type Texts = { [key: string]: string | Texts };

/** The texts of a catalogue by their dotted keys. */
function flat(texts: Texts, prefix = ""): [string, string][] {
  return Object.entries(texts).flatMap(([key, text]) =>
    typeof text === "string" ? [[prefix + key, text] as [string, string]] : flat(text, `${prefix + key}.`),
  );
}

const PLURAL = /_(zero|one|two|few|many|other)$/;
const PLACEHOLDER = /\{\{\w+\}\}/g;

function placeholders(text: string): string[] {
  return [...new Set(text.match(PLACEHOLDER))].sort();
}

const CATALOGUES = { en: flat(en), zh: flat(zh) };

/** The keys as the source names them: without the endings of plurals. */
function keys(texts: [string, string][]): string[] {
  return [...new Set(texts.map(([key]) => key.replace(PLURAL, "")))].sort();
}

describe("the catalogues", () => {
  test("have the same keys", () => {
    expect(keys(CATALOGUES.zh)).toEqual(keys(CATALOGUES.en));
  });

  test.each(["en", "zh"] as const)("have every form of the plurals of %s, and no other", (code) => {
    const { pluralCategories } = new Intl.PluralRules(LANGUAGES[code].locale).resolvedOptions();
    const texts = CATALOGUES[code].filter(([key]) => PLURAL.test(key));
    for (const key of keys(texts)) {
      const forms = texts.map(([it]) => it).filter((it) => it.replace(PLURAL, "") === key);
      expect(forms.sort(), key).toEqual(pluralCategories.map((form) => `${key}_${form}`).sort());
    }
  });

  test("have the same placeholders", () => {
    const english = new Map(CATALOGUES.en);
    for (const [key, text] of CATALOGUES.zh) {
      expect(placeholders(text), key).toEqual(placeholders(english.get(key) ?? ""));
    }
  });

  test("have no empty text, and none with blanks around it", () => {
    for (const [key, text] of [...CATALOGUES.en, ...CATALOGUES.zh].filter(([key]) => !key.endsWith(".separator"))) {
      expect(text, key).toMatch(/^\S(.*\S)?$/);
    }
  });

  test("have no half-width punctuation and no missing blanks in Chinese", () => {
    const translations = [...CATALOGUES.zh, ...Object.entries(sentences)];
    for (const [key, text] of translations) {
      const words = text.replace(/<\/?a>/g, "").replace(PLACEHOLDER, "");
      expect(words, key).not.toMatch(/\p{Script=Han}[,;:!?()]|[,;:!?()]\p{Script=Han}/u);
      expect(words, key).not.toMatch(/\p{Script=Han}[A-Za-z0-9]|[A-Za-z0-9]\p{Script=Han}/u);
    }
  });

  test("have a text for every key in the source, and a use for every text", () => {
    const used = new Set<string>();
    for (const file of sources("src", /\.(tsx?|astro)$/)) {
      for (const [, key = ""] of readFileSync(file, "utf8").matchAll(/"([a-zA-Z]+\.[a-zA-Z]+)"/g)) {
        used.add(key);
      }
      for (const [, key = ""] of readFileSync(file, "utf8").matchAll(/\bt\(\s*"([^"]+)"/g)) {
        expect(keys(CATALOGUES.en), file).toContain(key);
      }
    }
    expect(keys(CATALOGUES.en).filter((key) => !used.has(key))).toEqual([]);
  });
});

describe("the API's sentences in Chinese", () => {
  const translate = translator(sentences);

  /** About bodies that the page does not send: JSON, forms, compressed ones, and parameters. */
  const NEVER = /^(Invalid request body|Content-|base64Image|top_k|The request body is not valid)/;

  test("are all that an analysis can be answered with", () => {
    const responses = DESCRIPTION.paths["/api/v1/analyze"]?.post?.responses ?? {};
    const all = Object.values(responses)
      .flatMap(examples)
      .filter((sentence) => !NEVER.test(sentence));
    expect(all.length).toBeGreaterThan(10);
    for (const sentence of all) {
      expect(translate(sentence), sentence).toMatch(/\p{Script=Han}/u);
    }
  });

  test("keep what varies", () => {
    expect(translate("The image has 13000 x 12000 pixels, more than 50000000 in all: send a smaller one")).toBe(
      "图片为 13000 × 12000 像素，超过总数上限 50000000，请换一张较小的图片",
    );
    expect(translate("JPEG 2000 is not supported: send JPEG or PNG")).toContain("不支持 JPEG 2000");
    for (const [sentence, translation] of Object.entries(sentences)) {
      expect(placeholders(sentence), sentence).toEqual(expect.arrayContaining(placeholders(translation)));
    }
  });

  test("stay English where there is no translation", () => {
    expect(translate("Some other sentence")).toBe("Some other sentence");
  });
});

describe("the components and the pages have no text of their own", () => {
  /** The API documentation and the licence are in English only. */
  const DOCUMENTS = /components\/docs\/|pages\/(docs|licence)\.astro$/;
  const files = ["components", "i18n", "layouts", "pages"].flatMap((folder) =>
    sources(`src/${folder}`, /\.(tsx|astro)$/),
  );

  test.each(files.filter((file) => !DOCUMENTS.test(file)))("%s", (file) => {
    const text = readFileSync(file, "utf8");
    expect(file.endsWith(".tsx") ? literalsInTsx(text) : literalsInAstro(text)).toEqual([]);
  });

  test("and a text would be found", () => {
    const tsx = `const a = "Cancel"; <p title="tip" class="a b">{x ? "yes" : t("a.b")} and{"more"}{\`\${n} of\`}</p>`;
    expect(literalsInTsx(tsx)).toEqual(["Cancel", "tip", "yes", "and", "more", " of"]);
    const astro = `---\nconst a = "B c";\n---\n<p aria-label="tip" lang="en">{a && <b>bold</b>} and <i>{t("a.b")}</i></p>`;
    expect(literalsInAstro(astro)).toEqual(["tip", "bold", "and"]);
  });
});
