/** Pointer and keyboard on one chart: a frame around what is looked at, and its description. */

import { h } from "../dom.js";

/**
 * Make `host` a chart of `count` marks that is read with the arrow keys or the pointer.
 *
 * `over` is the positioned element that the marks lie in; `at(left, top)` gives the mark at a place in it, `box` the
 * place of a mark, `moves` the mark that a key leads to, `describe` the lines that are shown and read out. `pick` is
 * called for a mark that is clicked, or chosen with Enter. The description may reach `overhang` pixels left of `over`.
 */
export function explore(host, over, { label, count, at, moves, box, describe, pick, overhang = 0 }) {
  const frame = h("div", { class: "frame", hidden: true });
  const tip = h("div", { class: "tip", hidden: true });
  over.append(frame, tip);
  let current = null;

  const show = (place) => {
    current = place;
    frame.hidden = tip.hidden = place === null;
    if (place === null) return;
    const { left, top, width, height } = box(place);
    moveTo(frame, { left, top });
    Object.assign(frame.style, { width: `${width}px`, height: `${height}px` });
    const lines = describe(place);
    tip.replaceChildren(...lines.map((line, index) => h(index ? "div" : "strong", {}, line)));
    const roomOnRight = over.clientWidth - left - width;
    const beside = roomOnRight < tip.offsetWidth + 14 ? left - tip.offsetWidth - 8 : left + width + 8;
    moveTo(tip, {
      left: Math.max(beside, -overhang),
      top: Math.max(0, Math.min(top, over.clientHeight - tip.offsetHeight)),
    });
    host.setAttribute("aria-valuenow", place);
    host.setAttribute("aria-valuetext", lines.join(", "));
  };

  if (count === 0) return;
  const attributes = {
    role: "slider",
    tabindex: 0,
    "aria-label": label,
    "aria-valuemin": 0,
    "aria-valuemax": count - 1,
    "aria-valuenow": 0,
    "aria-valuetext": describe(0).join(", "),
  };
  for (const [name, value] of Object.entries(attributes)) host.setAttribute(name, value);
  host.onpointermove = (event) => {
    const within = over.getBoundingClientRect();
    const [left, top] = [event.clientX - within.left, event.clientY - within.top];
    const inside = left >= 0 && top >= 0 && left < within.width && top < within.height;
    show(inside ? (at(left, top) ?? null) : null);
  };
  host.onpointerleave = () => show(null);
  host.onclick = () => current !== null && pick?.(current);
  host.onblur = () => show(null);
  host.onkeydown = (event) => {
    const move = moves[event.key];
    const wanted = { Home: 0, End: count - 1 }[event.key] ?? (move && (current === null ? 0 : move(current)));
    if (event.key === "Enter" && current !== null) pick?.(current);
    else if (event.key === "Escape") show(null);
    else if (wanted !== undefined) {
      event.preventDefault();
      show(Math.min(Math.max(wanted, 0), count - 1));
    }
  };
}

function moveTo(element, { left, top }) {
  Object.assign(element.style, { left: `${left}px`, top: `${top}px` });
}
