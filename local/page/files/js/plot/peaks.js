/** The highest hours of a month on different days, as the capacity tariff counts them. */

import * as calendar from "../calendar.js";
import { h } from "../dom.js";
import { t } from "../language.js";
import * as series from "../series.js";

/** The call for the month that starts with `first`, a market day. */
export function call({ point, direction }, first) {
  const parameters = { meteringPointId: point.meteringPointId, month: first.slice(0, 7) };
  return { path: `/${direction}/peaks`, parameters };
}

/** Numbers above the bars of the days that have the highest hours. */
export function marks(answer) {
  return hours(answer).map(({ start }, place) => ({
    at: calendar.noon(calendar.dayOf(Date.parse(start))),
    text: String(place + 1),
  }));
}

/** The highest hours in words; `open` shows a day. Null when the month has none. */
export function list(answer, { state, open }) {
  const [month] = answer.peaks;
  if (!month?.hours.length) return null;
  const { path, parameters } = call(state, `${month.month}-01`);
  return h(
    "section",
    { class: "peaks", "aria-labelledby": "peaks-title" },
    h("h3", { id: "peaks-title" }, t("Highest hours, on different days")),
    h(
      "ol",
      {},
      month.hours.map((hour) => h("li", {}, entry(hour, open))),
    ),
    h(
      "p",
      { class: "quiet" },
      t("Mean {mean} kWh.", { mean: series.kwhShort(series.wattHours(month.mean)) }),
      month.provisional ? ` ${t("Provisional: the month is not complete yet.")}` : null,
      ` ${t("From")} `,
      h("code", {}, `GET ${path}?month=${parameters.month}`),
    ),
  );
}

function entry({ start, end, quantity }, open) {
  const [from, to] = [Date.parse(start), Date.parse(end)];
  const day = calendar.dayOf(from);
  const when = calendar.written(day, { weekday: "short", day: "numeric", month: "short" });
  return [
    h("strong", {}, `${series.kwhShort(series.wattHours(quantity))} kWh`),
    " ",
    h(
      "button",
      { type: "button", class: "link", onclick: () => open(day) },
      `${when}, ${calendar.clock(from)}–${calendar.clock(to)}`,
    ),
  ];
}

function hours({ peaks }) {
  return peaks[0]?.hours ?? [];
}
