/** A line without axes, small enough for a cell of a table. */

import { h } from "../dom.js";

const WIDTH = 160;
const HEIGHT = 36;
const SPACE = "http://www.w3.org/2000/svg";

/** The line of `values`, from zero to the highest; null breaks it. `label` says it to those who cannot see it. */
export function sparkline(values, label) {
  const drawing = svg("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    preserveAspectRatio: "none",
    class: "sparkline",
    role: "img",
    "aria-label": label,
  });
  for (const points of stretches(values)) {
    const line = points.map(([x, y]) => `${x} ${y}`).join(" L ");
    const [first, last] = [points[0][0], points.at(-1)[0]];
    drawing.append(
      svg("path", { class: "area", d: `M ${first} ${HEIGHT} L ${line} L ${last} ${HEIGHT} Z` }),
      svg("path", { class: "stroke", d: points.length > 1 ? `M ${line}` : `M ${line} h 1` }),
    );
  }
  return h("span", { class: "spark" }, drawing);
}

/** The places of neighbouring values, one list for each stretch without a break. */
function stretches(values) {
  const top = Math.max(1, ...values.map((value) => value ?? 0));
  const place = (value, index) => [
    Number(((index / Math.max(values.length - 1, 1)) * WIDTH).toFixed(1)),
    Number((HEIGHT - 2 - (value / top) * (HEIGHT - 4)).toFixed(1)),
  ];
  const runs = [];
  values.forEach((value, index) => {
    if (value === null) return;
    if (index === 0 || values[index - 1] === null) runs.push([]);
    runs.at(-1).push(place(value, index));
  });
  return runs;
}

function svg(tag, attributes) {
  const element = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}
