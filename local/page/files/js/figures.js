/** What stands around the charts: figures, legend, notes, and the values as a table. */

import * as calendar from "./calendar.js";
import { fill, h } from "./dom.js";
import { GAP_TEXT } from "./drawing.js";
import { fillFor } from "./patterns.js";
import * as series from "./series.js";

/** The period and its figures. */
export function headline(summary, { state, period, resolution }) {
  const top = summary.highest;
  const each = (text) => (text === "PT15M" ? "quarter" : text === "P1D" ? "day" : "hour");
  const when =
    top &&
    (state.view === "day"
      ? `${calendar.clock(top.start)}–${calendar.clock(top.end)}`
      : calendar.written(calendar.dayOf(top.start), { weekday: "short", day: "numeric", month: "short" }) +
        (resolution === "P1D" ? "" : ` ${calendar.clock(top.start)}`));
  const inDays = resolution === "P1D";
  const perDay = ["week", "month", "year"].includes(state.view) && summary.hours > 0;
  const facts = [
    [
      "Total",
      summary.hours
        ? state.view === "day"
          ? series.kwh(summary.totalWh)
          : `${series.kwhShort(summary.totalWh)} kWh`
        : "–",
      summary.hours ? (inDays ? `in ${summary.count} days` : `in ${summary.hours.toLocaleString("en-GB")} hours`) : "",
    ],
    [
      "Average",
      summary.hours ? `${series.kwhShort((summary.totalWh / summary.hours) * (perDay ? 24 : 1))} kWh` : "–",
      perDay ? "per day" : "per hour",
    ],
    [`Highest ${each(resolution)}`, top ? `${series.kwhShort(top.wh)} kWh` : "–", when ?? ""],
    ["Missing", String(summary.missing), inDays ? "values" : `of ${summary.count.toLocaleString("en-GB")} values`],
  ];
  return [
    h("h2", { id: "period" }, calendar.title(period)),
    h(
      "dl",
      { class: "headline" },
      facts.map(([name, value, note]) =>
        h("div", {}, h("dt", {}, name), h("dd", {}, value, h("span", {}, note))),
      ),
    ),
  ];
}

/** The qualities that occur, as the charts show them. `map`: a map of hours is among the charts. */
export function legend({ byQuality, missing }, colours, map) {
  const counts = new Map(byQuality);
  if (missing) counts.set("missing", missing);
  const present = series.QUALITIES.filter((quality) => counts.has(quality));
  if (present.length === 0) return null;
  const unsure = present.some((quality) => !["measured", "missing"].includes(quality));
  return h(
    "ul",
    { class: "legend", "aria-label": "Qualities" },
    present.map((quality) =>
      h(
        "li",
        {},
        swatch(quality, colours),
        ` ${quality} `,
        h("span", { class: "quiet" }, counts.get(quality).toLocaleString("en-GB")),
      ),
    ),
    map && unsure
      ? h(
          "li",
          { class: "quiet" },
          h("span", { class: "dot", "aria-hidden": "true" }),
          " in the map: an hour that was not measured",
        )
      : null,
    map && missing
      ? h(
          "li",
          { class: "quiet" },
          h("span", { class: "block", "aria-hidden": "true" }),
          " in the map: a missing hour",
        )
      : null,
  );
}

function swatch(quality, colours) {
  const [width, height, ratio] = [26, 16, devicePixelRatio];
  const canvas = h("canvas", { width: width * ratio, height: height * ratio, "aria-hidden": "true" });
  const ctx = canvas.getContext("2d");
  const missing = quality === "missing";
  ctx.fillStyle = fillFor(ctx, quality, {
    ink: missing ? colours.warn : colours.ink,
    ground: missing ? colours.gap : colours.faint,
    ratio,
  });
  ctx.fillRect(0, 0, canvas.width, canvas.height);
  ctx.strokeStyle = missing ? colours.warn : colours.ink;
  ctx.lineWidth = 2 * ratio;
  ctx.strokeRect(0, 0, canvas.width, canvas.height);
  return canvas;
}

/** What the colours of the map mean. */
export function scale(days, colours) {
  const ramp = h("span", { class: "ramp", "aria-hidden": "true" });
  ramp.style.background = `linear-gradient(90deg, ${colours.ramp.join(", ")})`;
  return h("p", { class: "scale" }, "0", ramp, `${series.kwhShort(series.highest(days))} kWh in an hour`);
}

/** What is worth knowing about a period: stretches without values and why, clock changes, more pages. */
export function notes(period, gaps, summary, answer, view) {
  const span = ({ from, to }) => {
    const last = calendar.addDays(to, -1);
    const text = (day) => calendar.written(day, { day: "numeric", month: "short", year: "numeric" });
    return from === last ? text(from) : `${text(from)} to ${text(last)}`;
  };
  const lines = gaps.map((gap) => `${GAP_TEXT[gap.why]}: ${span(gap)}.`);
  const clocks = calendar.days(period.from, period.to).filter((day) => calendar.hoursIn(day) !== 24);
  if (view !== "year")
    for (const day of clocks)
      lines.push(
        `${calendar.written(day, { day: "numeric", month: "long" })} has ${calendar.hoursIn(day)} hours: the clocks change.`,
      );
  if (answer.nextCursor) lines.push("This is the first page: the answer has a nextCursor.");
  if (summary.count === 0) lines.push("There are no values in this period.");
  return h(
    "ul",
    { class: "notes" },
    lines.map((line) => h("li", {}, line[0].toUpperCase() + line.slice(1))),
  );
}

/** The values as a table, filled when it is opened. */
export function asTable(intervals, view) {
  const hours = view === "day" || view === "week";
  const rows = () =>
    intervals.map((interval) =>
      h(
        "tr",
        {},
        h(
          "th",
          { scope: "row" },
          hours
            ? `${calendar.dayOf(interval.start)} ${calendar.clock(interval.start)} ${calendar.offsetText(interval.start)}`
            : calendar.dayOf(interval.start),
        ),
        h(
          "td",
          { class: "number" },
          interval.wh === null ? "–" : series.kwh(interval.wh).replace(" kWh", ""),
        ),
        h("td", {}, interval.quality),
        h("td", { class: "number" }, String(interval.missing)),
      ),
    );
  const body = h("tbody", {});
  const names = [hours ? "Start" : "Day", "kWh", hours ? "Quality" : "Least sure quality", "Missing"];
  const table = h(
    "table",
    {},
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        names.map((name) => h("th", { scope: "col" }, name)),
      ),
    ),
    body,
  );
  const details = h(
    "details",
    { class: "values" },
    h("summary", {}, "The values as a table"),
    h("div", { class: "scrolls tall", tabindex: "0", role: "region", "aria-label": "Values" }, table),
  );
  details.addEventListener(
    "toggle",
    () => details.open && body.childElementCount === 0 && fill(body, rows()),
  );
  return details;
}
