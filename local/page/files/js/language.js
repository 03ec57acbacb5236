/**
 * The page's language. The scripts are written in English; norwegian.js has the same texts in Norwegian (bokmål).
 * The choice is kept in the browser and read once: a change reloads the page.
 */

import { NORWEGIAN } from "./norwegian.js";

export const LANGUAGES = { en: "English", nb: "Norsk" };

const LOCALES = { en: "en-GB", nb: "nb-NO" };

let chosen = typeof document === "undefined" ? "en" : (localStorage.getItem("language") ?? preferred());

function preferred() {
  return /^(nb|nn|no)\b/.test(navigator.language) ? "nb" : "en";
}

export function current() {
  return chosen;
}

/** Use another language from now on. Texts that modules keep in constants stay as they are. */
export function use(name) {
  chosen = name in LANGUAGES ? name : "en";
}

/** The tag that Intl formats with. */
export function locale() {
  return LOCALES[chosen];
}

/** A text in the chosen language; "{name}" in it is replaced by `values.name`. */
export function t(text, values = {}) {
  const translated = chosen === "nb" ? (NORWEGIAN[text] ?? text) : text;
  return translated.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** A number with the separators of the chosen language. */
export function number(value, options = {}) {
  return new Intl.NumberFormat(locale(), options).format(value);
}

/** "+3.1 %": how much more `value` is than `before`; "–" when there is nothing to compare with. */
export function difference(value, before) {
  if (!before) return "–";
  const share = number((value / before - 1) * 100, { maximumFractionDigits: 1, signDisplay: "exceptZero" });
  return `${share.replace("-", "−")} %`;
}

/** Put the static texts of the document into the chosen language: those marked data-t and data-t-label. */
export function translate(root) {
  root.documentElement.lang = chosen;
  for (const element of root.querySelectorAll("[data-t]"))
    element.textContent = t(element.textContent.trim());
  for (const element of root.querySelectorAll("[data-t-label]"))
    element.setAttribute("aria-label", t(element.getAttribute("aria-label")));
}
