/** Fields of the forms for exports, feeds and webhooks. */

import { h } from "../dom.js";
import { t } from "../language.js";

export const DIRECTIONS = { consumption: t("Consumption"), production: t("Production") };
export const RESOLUTIONS = {
  PT15M: t("15 minutes"),
  PT1H: t("hours"),
  P1D: t("days"),
  P1M: t("months"),
  P1Y: t("years"),
};

/** A control with its label, and a hint below it. */
export function field(name, control, { hint = null, isWide = false } = {}) {
  const described = hint ? `${control.id}-hint` : null;
  if (hint) control.setAttribute("aria-describedby", described);
  return h(
    "div",
    { class: isWide ? "field wide" : "field" },
    h("label", { for: control.id }, name),
    control,
    hint && h("p", { class: "hint", id: described }, hint),
  );
}

/** A list to choose from; `options` are [value, text]. */
export function choice(id, options, value = "") {
  return h(
    "select",
    { id },
    options.map(([name, text]) => h("option", { value: name, selected: name === value }, text)),
  );
}

/** One or both directions. */
export function direction(id, value) {
  return choice(id, [["", t("Both directions")], ...Object.entries(DIRECTIONS)], value);
}

/** The directions that were chosen, as the API has them. */
export function directions({ value }) {
  return value ? [value] : Object.keys(DIRECTIONS);
}

/** The words of an enumeration of the contract with their texts; a new word is shown as it is. */
export function words(values, texts) {
  return values.map((value) => [value, texts[value] ?? value]);
}

/** A line of text that is sent as it is typed. */
export function line(id, properties) {
  return h("input", { id, autocomplete: "off", spellcheck: "false", required: true, ...properties });
}
