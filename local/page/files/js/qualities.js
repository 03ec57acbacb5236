/** The qualities of values, from the most certain to none: their words and the letters that charts use. */

import { current, t } from "./language.js";

export const QUALITIES = ["measured", "calculated", "final-estimated", "estimated", "temporary", "missing"];

const WORDS = {
  measured: t("measured"),
  calculated: t("calculated"),
  "final-estimated": t("final-estimated"),
  estimated: t("estimated"),
  temporary: t("temporary"),
  missing: t("missing"),
};

const LETTERS = {
  en: { calculated: "C", "final-estimated": "F", estimated: "E", temporary: "T", missing: "M" },
  nb: { calculated: "B", "final-estimated": "EE", estimated: "E", temporary: "Mi", missing: "Ma" },
};

/** A quality in words; one that the page does not know yet is shown as it came. */
export function word(quality) {
  return WORDS[quality] ?? quality;
}

/** What a narrow bar shows instead of the word; nothing for measured values. */
export function letter(quality) {
  return LETTERS[current()][quality] ?? (quality === "measured" ? "" : quality[0].toUpperCase());
}
