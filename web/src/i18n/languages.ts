/** The languages of the page. */
export const LANGUAGES = {
  en: {
    /** For the attributes `lang` and `hreflang`. */
    tag: "en",
    /** For `Intl`. */
    locale: "en-GB",
    /** The page in this language, whatever language the browser prefers. */
    home: "/?lang=en",
  },
  zh: { tag: "zh-Hans", locale: "zh-CN", home: "/zh" },
} as const;

export type Code = keyof typeof LANGUAGES;
