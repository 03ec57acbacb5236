/** What stands around the charts: figures, legend, notes, and the values as a table. */

import * as calendar from "../calendar.js";
import { GAP_TEXT } from "../charts/drawing.js";
import { fillFor } from "../charts/patterns.js";
import { disclosure, h, table as asTable } from "../dom.js";
import { number, t } from "../language.js";
import { QUALITIES, letter, word } from "../qualities.js";
import * as series from "../series.js";

const HIGHEST = { PT15M: t("Highest quarter"), PT1H: t("Highest hour"), P1D: t("Highest day") };
const LOW_WINDOW = 700;

/** A title and figures below it; `facts` are [name, value, note]. */
export function headline(title, facts, id = "period") {
  return [
    h("h2", { id }, title),
    h(
      "dl",
      { class: "headline" },
      facts.map(([name, value, note]) =>
        h("div", {}, h("dt", {}, name), h("dd", {}, value, h("span", {}, note))),
      ),
    ),
  ];
}

/** The figures of a series: total, average, highest, missing. */
export function facts({ hours, count, totalWh, highest, missing }, { period, resolution }) {
  const inDays = resolution === "P1D";
  const ofDay = period.view === "day";
  const total = ofDay ? series.kwh(totalWh) : `${series.kwhShort(totalWh)} kWh`;
  const average = (totalWh / hours) * (ofDay ? 1 : 24);
  return [
    [
      t("Total"),
      hours ? total : "–",
      hours
        ? inDays
          ? t("in {days} days", { days: count })
          : t("in {hours} hours", { hours: number(hours) })
        : "",
    ],
    [t("Average"), hours ? `${series.kwhShort(average)} kWh` : "–", ofDay ? t("per hour") : t("per day")],
    [
      HIGHEST[resolution] ?? t("Highest hour"),
      highest ? `${series.kwhShort(highest.wh)} kWh` : "–",
      highest ? moment(highest, { ofDay, inDays }) : "",
    ],
    [t("Missing"), number(missing), inDays ? t("values") : t("of {count} values", { count: number(count) })],
  ];
}

function moment({ start, end }, { ofDay, inDays }) {
  if (ofDay) return `${calendar.clock(start)}–${calendar.clock(end)}`;
  const day = calendar.written(calendar.dayOf(start), { weekday: "short", day: "numeric", month: "short" });
  return inDays ? day : `${day} ${calendar.clock(start)}`;
}

/** What a chart shows, in words for its label. */
export function subject({ point, direction }, period) {
  const name = point.name ?? point.meteringPointId;
  return `${name}, ${direction === "production" ? t("production") : t("consumption")}, ${calendar.title(period)}`;
}

/** The height of a chart: lower where the window is low, so that it is seen whole. */
export function height(usual) {
  return innerHeight < LOW_WINDOW || innerWidth < LOW_WINDOW ? Math.round(usual * 0.72) : usual;
}

/** An interval in words, line by line. */
export function describe({ start, end, wh, quality, missing }) {
  const long = end - start > calendar.HOUR;
  const day = calendar.written(calendar.dayOf(start), {
    weekday: "short",
    day: "numeric",
    month: "short",
    year: "numeric",
  });
  const twice =
    !long && calendar.clock(start) === calendar.clock(end)
      ? t("{before} to {after}", { before: calendar.offsetText(start), after: calendar.offsetText(end) })
      : calendar.offsetText(start);
  return [
    wh === null ? t("missing") : series.kwh(wh),
    long ? day : `${day}, ${calendar.clock(start)}–${calendar.clock(end)}`,
    ...(long ? [t("{hours} hours", { hours: (end - start) / calendar.HOUR })] : [`UTC${twice}`]),
    ...(quality === "missing" || !quality ? [] : [word(quality)]),
    ...(long && missing ? [t("{count} values missing", { count: missing })] : []),
  ];
}

/** A stretch of market days as moments, for a chart's scale. */
export function moments({ from, to, why }) {
  return { start: calendar.startOf(from), end: calendar.startOf(to), why };
}

/**
 * The qualities that occur, as the charts show them, with the letters of narrow bars. `map`: a map of hours is among
 * the charts; `clockChange`: the clocks change in the period.
 */
export function legend({ byQuality, missing }, colours, { map = false, clockChange = false }) {
  const counts = new Map(byQuality);
  if (missing) counts.set("missing", missing);
  const present = QUALITIES.filter((quality) => counts.has(quality));
  if (present.length === 0) return null;
  const unsure = present.some((quality) => !["measured", "missing"].includes(quality));
  const sign = (kind, text) =>
    h("li", { class: "quiet" }, h("span", { class: kind, "aria-hidden": "true" }), ` ${text}`);
  return h(
    "ul",
    { class: "legend", "aria-label": t("Qualities") },
    present.map((quality) =>
      h(
        "li",
        {},
        swatch(quality, colours),
        ` ${word(quality)} `,
        h("span", { class: "quiet" }, number(counts.get(quality))),
        letter(quality) && !map
          ? h("span", { class: "letter", title: t("In a narrow bar") }, letter(quality))
          : null,
      ),
    ),
    map && unsure ? sign("dot", t("in the map: an hour that was not measured")) : null,
    map && missing ? sign("block", t("in the map: a missing hour")) : null,
    clockChange ? sign("dashes", t("the clocks change")) : null,
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
  const most = t("{kwh} kWh in an hour", { kwh: series.kwhShort(series.highest(days)) });
  return h("p", { class: "scale" }, "0", ramp, most);
}

/** What is worth knowing about a period: stretches without values and why, clock changes, more pages. */
export function notes(period, gaps, summary, answer) {
  const lines = gaps.map((gap) => `${GAP_TEXT[gap.why]}: ${stretch(gap)}.`);
  if (period.view !== "year")
    for (const day of calendar.days(period.from, period.to).filter((each) => calendar.hoursIn(each) !== 24))
      lines.push(
        t("{day} has {hours} hours: the clocks change.", {
          day: calendar.written(day, { day: "numeric", month: "long" }),
          hours: calendar.hoursIn(day),
        }),
      );
  if (answer.nextCursor) lines.push(t("This is the first page: the answer has a nextCursor."));
  if (summary.count === 0) lines.push(t("There are no values in this period."));
  return h(
    "ul",
    { class: "notes" },
    lines.map((line) => h("li", {}, line[0].toUpperCase() + line.slice(1))),
  );
}

function stretch({ from, to }) {
  const [first, last] = [from, calendar.addDays(to, -1)].map((day) => calendar.short(day, { year: true }));
  return first === last ? first : t("{from} to {to}", { from: first, to: last });
}

/** The values as a table. `hours`: they are shorter than a day. */
export function table(intervals, { hours }) {
  const start = (moment) =>
    hours
      ? `${calendar.dayOf(moment)} ${calendar.clock(moment)} ${calendar.offsetText(moment)}`
      : calendar.dayOf(moment);
  const rows = () =>
    intervals.map(({ start: from, wh, quality, missing }) => [
      start(from),
      wh === null ? "–" : series.kwh(wh).replace(" kWh", ""),
      word(quality),
      String(missing),
    ]);
  const names = [
    hours ? t("Start") : t("Day"),
    "kWh",
    hours ? t("Quality") : t("Least certain quality"),
    t("Missing"),
  ];
  return disclosure(
    t("The values as a table"),
    () => asTable({ label: t("Values"), names, rows: rows() }),
    { class: "values" },
  );
}
