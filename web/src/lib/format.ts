/** Formats numbers, sizes, times and lists in a language. */

import type { TFunction } from "i18next";

export interface Formats {
  /** A whole number. */
  number: (value: number) => string;
  /** A number of things a second, with one decimal below 10. */
  rate: (value: number) => string;
  /** A probability in per cent, with one decimal. */
  percent: (fraction: number) => string;
  /** A probability in whole per cent, for one that changes all the time or has little room. */
  wholePercent: (fraction: number) => string;
  /** A threshold in per cent, with a decimal only where it has one. Does not break. */
  threshold: (fraction: number) => string;
  /** A progress in whole per cent, rounded down. */
  progress: (fraction: number) => string;
  /** Bytes in the largest decimal unit that gives a number of at least 1. */
  bytes: (count: number) => string;
  /** Milliseconds, with one decimal below 10. Seconds from 1000 ms on. */
  duration: (milliseconds: number) => string;
  /** Whole seconds. */
  seconds: (count: number) => string;
  /** A longer time in milliseconds, in whole seconds, or in minutes from 100 seconds on. */
  span: (milliseconds: number) => string;
  /** Alternatives: "PNM or QOI". */
  alternatives: (items: string[]) => string;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
/** Times from here on are in minutes. */
const LONG = 100 * SECOND;
const KILOBYTE = 1_000;
const MEGABYTE = 1_000_000;
/** Numbers below this have one decimal. */
const SMALL = 10;

/**
 * Returns the formats of a language.
 *
 * @param locale for `Intl`, which formats the numbers. The units come from the catalogue.
 */
export function createFormats(locale: string, t: TFunction): Formats {
  const decimals = (least: number, most: number) => {
    const options = { minimumFractionDigits: least, maximumFractionDigits: most, useGrouping: "min2" } as const;
    const format = new Intl.NumberFormat(locale, options);
    return (value: number) => format.format(value);
  };
  const whole = decimals(0, 0);
  const tenths = decimals(1, 1);
  const upToTenths = decimals(0, 1);
  const rounded = (value: number) => (value < SMALL ? tenths(value) : whole(value));
  const percent = (value: string) => t("format.percent", { value });
  return {
    number: whole,
    percent: (fraction) => percent(tenths(fraction * 100)),
    wholePercent: (fraction) => percent(whole(fraction * 100)),
    threshold: (fraction) => percent(upToTenths(fraction * 100)).replace(" ", "\u00a0"),
    progress: (fraction) => percent(whole(Math.floor(fraction * 100))),
    bytes: (count) => {
      if (count < KILOBYTE) {
        return t("format.bytes", { count, value: whole(count) });
      }
      return count < MEGABYTE
        ? t("format.kilobytes", { value: rounded(count / KILOBYTE) })
        : t("format.megabytes", { value: rounded(count / MEGABYTE) });
    },
    duration: (milliseconds) =>
      milliseconds < SECOND
        ? t("format.milliseconds", { value: rounded(milliseconds) })
        : t("format.seconds", { value: tenths(milliseconds / SECOND) }),
    seconds: (count) => t("format.seconds", { value: whole(count) }),
    span: (milliseconds) =>
      milliseconds < LONG
        ? t("format.seconds", { value: whole(Math.ceil(milliseconds / SECOND)) })
        : t("format.minutes", { value: whole(Math.ceil(milliseconds / MINUTE)) }),
    rate: rounded,
    alternatives: (items) => spaced(new Intl.ListFormat(locale, { type: "disjunction" }).format(items)),
  };
}

/** Separates Chinese characters from Latin letters and digits by a space. */
function spaced(text: string): string {
  return text.replace(/(?<=\p{Script=Han})(?=[A-Za-z0-9])|(?<=[A-Za-z0-9])(?=\p{Script=Han})/gu, " ");
}
