/** The caller's metering points, and the list to choose one from. */

import * as api from "./api.js";
import * as calendar from "./calendar.js";
import { fill, find, h } from "./dom.js";

const FEW = 12;

/** All metering points of the caller, page by page. */
export async function ask({ demo, caller, pretence }) {
  const all = [];
  let cursor = "";
  do {
    const record = await api.call(demo, caller, "/metering-points", { parameters: { cursor }, pretence });
    if (record.status !== 200) return { refused: record };
    all.push(...record.json.meteringPoints);
    cursor = record.json.nextCursor;
  } while (cursor);
  return { points: all };
}

/** List metering points; `chosen` is the one that is shown, `choose` is called for another. */
export function list(points, { chosen, choose }) {
  find("#filter").hidden = points.length <= FEW;
  fill(
    find("#points"),
    points.length === 0 ? h("p", {}, "This caller may read no metering point.") : null,
    points.map((point) => {
      const id = `point-${point.meteringPointId}`;
      const radio = h("input", {
        type: "radio",
        name: "point",
        id,
        value: point.meteringPointId,
        checked: point === chosen,
        onchange: () => choose(point),
      });
      return h(
        "label",
        { class: "point", for: id },
        radio,
        h(
          "span",
          { class: "point-text" },
          h("strong", {}, point.name ?? point.meteringPointId),
          h(
            "span",
            {},
            [point.address, [point.postalCode, point.city].filter(Boolean).join(" ")]
              .filter(Boolean)
              .join(", "),
          ),
          h("span", { class: "number-text" }, point.meteringPointId),
          h(
            "span",
            { class: "tags" },
            point.priceArea ? h("span", { class: "tag" }, point.priceArea) : null,
            point.resolution
              ? h(
                  "span",
                  { class: "tag" },
                  { PT15M: "15 min", PT1H: "hourly" }[point.resolution] ?? point.resolution,
                )
              : null,
            point.directions.includes("production") ? h("span", { class: "tag sun" }, "production") : null,
          ),
          point.permitted.map((period) => h("span", { class: "permitted" }, permitted(period))),
        ),
      );
    }),
  );
  // In a narrow window the list scrolls by itself; the chosen one is to be seen there.
  const [host, label] = [find("#points"), find("#points label:has(:checked)")];
  if (label) host.scrollTop = label.offsetTop - host.offsetTop;
}

/** Show only the metering points that have every word of the filter somewhere in their text. */
export function filter({ target }) {
  const words = target.value.toLowerCase().split(/\s+/);
  for (const label of find("#points").children) {
    const text = label.textContent.toLowerCase();
    label.hidden = !words.every((word) => text.includes(word));
  }
}

function permitted({ from, to }) {
  const text = (day) => calendar.written(day, { day: "numeric", month: "short", year: "numeric" });
  if (!from && !to) return "Permitted without limit";
  if (!to) return `Permitted from ${text(from)}`;
  return `Permitted ${from ? `${text(from)} ` : ""}until ${text(calendar.addDays(to, -1))}`;
}
