/** Elements, made in one expression: h("a", { href: "/trace" }, "Trace"). */

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

export const find = (selector) => document.querySelector(selector);

/** A button that copies a text and says so. */
export function copyButton(text, label) {
  const said = h("span", { class: "copied", role: "status" });
  const copy = async () => {
    await navigator.clipboard.writeText(text());
    said.textContent = "Copied";
    setTimeout(() => (said.textContent = ""), 2000);
  };
  return h(
    "span",
    { class: "copy" },
    h("button", { type: "button", class: "small", onclick: copy }, label),
    said,
  );
}

/**
 * Tabs as in the ARIA authoring practices: arrow keys move, one panel shows. `made`: [name, panel content];
 * `onchange` is called when another one is chosen.
 */
export function tabs(label, made, { chosen = 0, onchange = () => {} } = {}) {
  const base = `tabs-${++tabs.count}`;
  const buttons = made.map(([name], place) =>
    h(
      "button",
      { type: "button", role: "tab", id: `${base}-${place}`, "aria-controls": `${base}-panel-${place}` },
      name,
    ),
  );
  const panels = made.map(([, content], place) =>
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
  return h("div", { class: "tabs" }, list, panels);
}
tabs.count = 0;
