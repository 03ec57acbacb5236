/** The caller's metering points: asked for, found by words, and described. */

import * as api from "./api.js";
import * as calendar from "./calendar.js";
import { h } from "./dom.js";
import { t } from "./language.js";

const RESOLUTIONS = { PT15M: t("15 min"), PT1H: t("hourly") };

/** All metering points of the caller. Raises as api.pages does. */
export async function ask({ demo, caller, pretence }) {
  const answers = await api.pages(demo, caller, "/metering-points", { pretence });
  return answers.flatMap(({ meteringPoints }) => meteringPoints);
}

export function name({ name: given, meteringPointId }) {
  return given ?? meteringPointId;
}

export function address({ address: street, postalCode, city }) {
  return [street, [postalCode, city].filter(Boolean).join(" ")].filter(Boolean).join(", ");
}

/** Whether every word of `text` is somewhere in the metering point's own text. */
export function matches(point, text) {
  const own = [name(point), address(point), point.meteringPointId, point.priceArea].join(" ").toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => own.includes(word));
}

/** Address, id, tags and permitted periods of a metering point. */
export function description(point) {
  const tags = [
    point.priceArea,
    RESOLUTIONS[point.resolution] ?? point.resolution,
    point.directions.includes("production") ? t("production") : null,
  ];
  return [
    h("span", {}, address(point)),
    h("span", { class: "number-text" }, point.meteringPointId),
    h(
      "span",
      { class: "tags" },
      tags.filter(Boolean).map((tag) => h("span", { class: "tag" }, tag)),
    ),
    point.permitted.map((period) => h("span", { class: "permitted" }, permitted(period))),
  ];
}

function permitted({ from, to }) {
  const text = (day) => calendar.short(day, { year: true });
  if (!from && !to) return t("Permitted without limit");
  if (!to) return t("Permitted from {from}", { from: text(from) });
  const until = text(calendar.addDays(to, -1));
  return from
    ? t("Permitted {from} until {until}", { from: text(from), until })
    : t("Permitted until {until}", { until });
}
