/** Elements, made in one expression: h("a", { href: "/trace" }, "Trace"). */

import { t } from "./language.js";

/**
 * `properties`: "on…" is a listener, `class`, `for`, "aria-…", "data-…" and the like are attributes, true and
 * false switch an attribute. Children are nodes, texts, arrays of them, or null for none.
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

export function fill(element, ...children) {
  element.replaceChildren(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined),
  );
  return element;
}

/** Fill `element` with newer content of the same kind. The focus stays on the control that has the same name. */
export function refill(element, ...children) {
  const name = element.contains(document.activeElement) ? nameOf(document.activeElement) : null;
  fill(element, ...children);
  if (name === null) return;
  const same = [...element.querySelectorAll("button, summary")].find((each) => nameOf(each) === name);
  if (!same) element.tabIndex = -1;
  (same ?? element).focus();
}

function nameOf(control) {
  return control.getAttribute("aria-label") ?? control.textContent;
}

/**
 * A table in a region that scrolls by itself. A row is a list of cells, its first one a heading of the row; a column
 * of numbers is set to the right.
 */
export function table({ label, names, rows, kind = null, tall = true }) {
  const heading = (scope, content, style = null) => h("th", { scope, class: style }, content);
  const styles = names.map((_, column) => (isNumeric(rows.map((row) => row[column])) ? "number" : null));
  return h(
    "div",
    { class: tall ? "scrolls tall" : "scrolls", tabindex: "0", role: "region", "aria-label": label },
    h(
      "table",
      { class: kind },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          names.map((name, column) => heading("col", name, column ? styles[column] : null)),
        ),
      ),
      h(
        "tbody",
        {},
        rows.map(([first, ...rest]) =>
          h(
            "tr",
            {},
            heading("row", first),
            rest.map((cell, place) => h("td", { class: styles[place + 1] }, cell)),
          ),
        ),
      ),
    ),
  );
}

const NONE = "–";

/** Whether all cells are numbers as they are written here; in place of some there may be the dash for none. */
function isNumeric(cells) {
  const given = cells.filter((cell) => cell !== NONE);
  const isNumber = (cell) => typeof cell === "string" && /^[+−-]?[\d.,\s]+( %)?$/.test(cell);
  return given.length > 0 && given.every(isNumber);
}

/** A part that opens and closes; `content()` makes what is in it when it is opened first. */
export function disclosure(summary, content, { open = false, ...properties } = {}) {
  const host = h("div");
  const details = h("details", { ...properties, open }, h("summary", {}, summary), host);
  const make = () => details.open && host.childNodes.length === 0 && fill(host, content());
  details.addEventListener("toggle", make);
  make();
  return details;
}

/** Radio buttons beside each other: `choices` are [value, text]. */
export function segments(name, choices, { onchange }) {
  return h(
    "div",
    { class: "segments" },
    choices.map(([value, text]) =>
      h(
        "label",
        {},
        h("input", { type: "radio", name, value, onchange: () => onchange(value) }),
        h("span", {}, text),
      ),
    ),
  );
}

/** Check the radio button of a group that has the value. */
export function check(name, value) {
  for (const radio of document.querySelectorAll(`input[name="${name}"]`)) radio.checked = radio.value === value;
}

export const find = (selector) => document.querySelector(selector);

/** Have the browser save a Blob under a name. */
export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  h("a", { href: url, download: name }).click();
  // The browser has taken the file by then.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** A button that copies a text and says so. */
export function copyButton(text, label) {
  const message = h("span", { class: "copied", role: "status" });
  const copy = async () => {
    await navigator.clipboard.writeText(text());
    message.textContent = t("Copied");
    setTimeout(() => (message.textContent = ""), 2000);
  };
  return h(
    "span",
    { class: "copy" },
    h("button", { type: "button", class: "small", onclick: copy }, label),
    message,
  );
}

let groups = 0;

/**
 * Fill `host` with tabs as in the ARIA authoring practices: arrow keys move, one panel shows. `parts` is a list of
 * [name, panel content]; `onchange` is called when the reader chooses another tab. Returns what opens a tab by its
 * place.
 */
export function tabs(host, label, parts, { chosen = 0, onchange = () => {} } = {}) {
  const base = `tabs-${++groups}`;
  const buttons = parts.map(([name], place) =>
    h(
      "button",
      { type: "button", role: "tab", id: `${base}-${place}`, "aria-controls": `${base}-panel-${place}` },
      name,
    ),
  );
  const panels = parts.map(([, content], place) =>
    h(
      "div",
      {
        role: "tabpanel",
        id: `${base}-panel-${place}`,
        "aria-labelledby": `${base}-${place}`,
        tabindex: "0",
      },
      content,
    ),
  );
  const open = (wanted) => {
    buttons.forEach((button, place) => {
      button.setAttribute("aria-selected", String(place === wanted));
      button.tabIndex = place === wanted ? 0 : -1;
      panels[place].hidden = place !== wanted;
    });
  };
  const choose = (wanted) => {
    open(wanted);
    onchange(wanted);
  };
  const list = h("div", { role: "tablist", "aria-label": label }, buttons);
  list.addEventListener("click", ({ target }) => buttons.includes(target) && choose(buttons.indexOf(target)));
  list.addEventListener("keydown", (event) => {
    const at = buttons.indexOf(document.activeElement);
    const wanted = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (wanted === undefined) return;
    event.preventDefault();
    choose((wanted + buttons.length) % buttons.length);
    buttons[(wanted + buttons.length) % buttons.length].focus();
  });
  open(chosen);
  fill(host, h("div", { class: "tabs" }, list, panels));
  return open;
}
