/** The plot: a metering point's series for a day, a week, a month or a year. */

import * as api from "./api.js";
import * as calendar from "./calendar.js";
import * as charts from "./charts.js";
import { fill, find, h } from "./dom.js";
import { exchange } from "./exchange.js";
import { fillFor } from "./patterns.js";
import * as problems from "./problems.js";
import * as series from "./series.js";

const PER = { PT15M: "15 minutes", PT1H: "hour", P1D: "day" };

/** What each view asks for. */
const PARAMETERS = {
  day: ({ from }) => ({ date: from }),
  week: ({ from, to }) => ({ from, to }),
  month: ({ from, to }) => ({ from, to, resolution: "P1D" }),
  year: ({ from, to }) => ({ from, to, resolution: "PT1H", layout: "days" }),
};

let drawn = [];
let asking = null;
let shown = null;

/** Ask for the series that `state` names, and draw it. `go` changes the state and shows it. */
export async function show(state, { demo, go }) {
  asking?.abort();
  const own = (asking = new AbortController());
  const period = calendar.period(state.view, state.day);
  const again = () => show(state, { demo, go });
  find("#figure").setAttribute("aria-busy", "true");
  try {
    const record = await api.call(demo, state.caller, `/metering-points/${state.point.meteringPointId}/${state.direction}`, {
      parameters: PARAMETERS[state.view](period),
      pretence: state.pretence,
      signal: own.signal,
    });
    if (own.signal.aborted) return;
    shown = { record, state: { ...state }, period, demo, go };
    if (record.status === 200) draw();
    else clear(problems.answered(record, { again }));
    fill(find("#behind"), h("h2", {}, "Behind the chart"), exchange(record, { demo, ...state }));
  } catch (error) {
    if (error.name === "AbortError") return;
    shown = null;
    clear(problems.failed(error, { again }));
    fill(find("#behind"));
  } finally {
    if (!own.signal.aborted) find("#figure").removeAttribute("aria-busy");
  }
}

/** Draw again what is shown: the colours of the page have changed. */
export function redraw() {
  if (shown?.record.status === 200) draw();
}

/** Show why there is nothing to plot, with the call that says so, if there was one. */
export function refuse(problem, record, { demo, state }) {
  asking?.abort();
  shown = null;
  find("#figure").removeAttribute("aria-busy");
  clear(problem);
  fill(find("#behind"), record ? [h("h2", {}, "Behind the answer"), exchange(record, { demo, ...state })] : null);
}

function clear(problem) {
  forget();
  fill(find("#figure"), problem);
}

function forget() {
  for (const chart of drawn) chart.destroy();
  drawn = [];
}

function draw() {
  const { record, state, period, go } = shown;
  const focused = document.activeElement?.classList.contains("chart");
  forget();
  const answer = record.json;
  const days = answer.days ? series.fromDays(answer) : null;
  const intervals = days ? days.flatMap((day) => day.intervals) : series.fromValues(answer);
  const told = series.summary(intervals);
  const gaps = series.gaps(period, answer, intervals);
  const colours = charts.palette(state.direction);
  const resolution = smallest(intervals) ?? answer.resolution;

  const hosts = state.view === "year" ? [h("div", { class: "chart" }), h("div", { class: "chart" })] : [h("div", { class: "chart" })];
  const captions = state.view === "year"
    ? ["kWh for each day", `Hour of the day, one column for each day; the stronger the colour, the more kWh in the hour`]
    : [`kWh for each ${PER[resolution] ?? "interval"}`];
  fill(
    find("#figure"),
    headline(told, { state, period, resolution }),
    hosts.map((host, place) => [h("p", { class: "axis-title" }, captions[place]), host]),
    state.view === "year" ? scale(days, colours) : null,
    legend(told, colours, state.view === "year"),
    notes(period, gaps, told, answer, state.view),
    asTable(days ? series.dailySums(days) : intervals, state.view),
  );
  const common = { colours, gaps, state, period, resolution, go, title: `${state.point.name ?? state.point.meteringPointId}, ${state.direction}, ${calendar.title(period)}` };
  if (state.view === "year") drawYear(hosts, days, common);
  else drawBars(hosts[0], intervals, common, { height: 320 });
  // Whoever chose a day with the keyboard goes on from there.
  if (focused) hosts[0].focus();
}

function drawBars(host, intervals, { colours, gaps, state, period, go, title }, { height }) {
  const from = calendar.startOf(period.from);
  const to = calendar.startOf(period.to);
  const all = calendar.days(period.from, period.to);
  drawn.push(charts.bars(host, {
    intervals,
    from,
    to,
    ...timeAxis(state.view, all),
    gaps: gaps.map(moments),
    changes: state.view === "month" || state.view === "year" ? [] : changes(all),
    colours,
    height,
    label: `Bars: ${title}. Arrow keys move from bar to bar.`,
    describe,
    pick: state.view === "day" ? null : ({ start }) => go({ view: "day", day: calendar.dayOf(start) }),
  }));
}

function drawYear([above, below], days, common) {
  const { period, colours, gaps, go, title } = common;
  drawBars(above, series.dailySums(days), common, { height: 170 });
  const all = calendar.days(period.from, period.to);
  const place = (day) => calendar.daysBetween(period.from, day);
  const months = all.filter((day) => day.endsWith("-01"));
  drawn.push(charts.heatMap(below, {
    cells: series.cells(days, period.from),
    days: all.length,
    ticks: months.map((day) => ({ at: place(day) + 15, text: calendar.written(day, { month: "short" }) })),
    lines: months.slice(1).map(place),
    gaps: gaps.map(({ from, to, why }) => ({ start: place(from), end: place(to), why })),
    top: highest(days),
    colours,
    height: 300,
    label: `Map of hours and days: ${title}. Up and down move by an hour, left and right by a day.`,
    describe,
    pick: ({ start }) => go({ view: "day", day: calendar.dayOf(start) }),
  }));
}

function timeAxis(view, all) {
  const noon = (day) => (calendar.startOf(day) + calendar.endOf(day)) / 2;
  const boundaries = all.slice(1).map(calendar.startOf);
  if (view === "day") return { ticks: calendar.hourMarks(all[0], 3), lines: [] };
  if (view === "week") return { ticks: all.map((day) => ({ at: noon(day), text: calendar.written(day, { weekday: "short", day: "numeric" }) })), lines: boundaries };
  if (view === "month") return { ticks: all.map((day) => ({ at: noon(day), text: String(Number(day.slice(8))) })), lines: all.filter((day) => calendar.period("week", day).from === day).map(calendar.startOf) };
  const months = all.filter((day) => day.endsWith("-01"));
  return { ticks: months.map((day) => ({ at: calendar.startOf(calendar.addDays(day, 15)), text: calendar.written(day, { month: "short" }) })), lines: months.slice(1).map(calendar.startOf) };
}

function changes(all) {
  return all.flatMap((day) => {
    const change = calendar.clockChange(day);
    return change ? [{ at: change.at, text: change.forward ? "02:00 → 03:00, 23 hours" : "03:00 → 02:00, 25 hours" }] : [];
  });
}

function moments({ from, to, why }) {
  return { start: calendar.startOf(from), end: calendar.startOf(to), why };
}

function highest(days) {
  return Math.max(1, ...days.flatMap(({ intervals }) => intervals.map(({ wh }) => wh ?? 0)));
}

function smallest(intervals) {
  const length = Math.min(...intervals.map(({ start, end }) => end - start));
  return { [calendar.HOUR / 4]: "PT15M", [calendar.HOUR]: "PT1H" }[length] ?? (length > calendar.HOUR && Number.isFinite(length) ? "P1D" : undefined);
}

/** An interval in words, line by line. */
function describe({ start, end, wh, quality, missing }) {
  const long = end - start > calendar.HOUR;
  const day = calendar.written(calendar.dayOf(start), { weekday: "short", day: "numeric", month: "short", year: "numeric" });
  const twice = !long && calendar.clock(start) === calendar.clock(end) ? `${calendar.offsetText(start)} to ${calendar.offsetText(end)}` : calendar.offsetText(start);
  return [
    wh === null ? "missing" : series.kwh(wh),
    long ? day : `${day}, ${calendar.clock(start)}–${calendar.clock(end)}`,
    ...(long ? [`${(end - start) / calendar.HOUR} hours`] : [`UTC${twice}`]),
    ...(quality === "missing" ? [] : [quality]),
    ...(long && missing ? [`${missing} values missing`] : []),
  ];
}

function headline(told, { state, period, resolution }) {
  const top = told.highest;
  const each = (text) => (text === "PT15M" ? "quarter" : text === "P1D" ? "day" : "hour");
  const when = top && (state.view === "day" ? `${calendar.clock(top.start)}–${calendar.clock(top.end)}` : calendar.written(calendar.dayOf(top.start), { weekday: "short", day: "numeric", month: "short" }) + (resolution === "P1D" ? "" : ` ${calendar.clock(top.start)}`));
  const inDays = resolution === "P1D";
  const perDay = ["week", "month", "year"].includes(state.view) && told.hours > 0;
  const facts = [
    ["Total", told.hours ? (state.view === "day" ? series.kwh(told.totalWh) : `${series.kwhShort(told.totalWh)} kWh`) : "–", told.hours ? (inDays ? `in ${told.count} days` : `in ${told.hours.toLocaleString("en-GB")} hours`) : ""],
    ["Average", told.hours ? `${series.kwhShort((told.totalWh / told.hours) * (perDay ? 24 : 1))} kWh` : "–", perDay ? "per day" : "per hour"],
    [`Highest ${each(resolution)}`, top ? `${series.kwhShort(top.wh)} kWh` : "–", when ?? ""],
    ["Missing", String(told.missing), inDays ? "values" : `of ${told.count.toLocaleString("en-GB")} values`],
  ];
  return [
    h("h2", { id: "period" }, calendar.title(period)),
    h("dl", { class: "headline" }, facts.map(([name, value, note]) => h("div", {}, h("dt", {}, name), h("dd", {}, value, h("span", {}, note))))),
  ];
}

function legend({ byQuality, missing }, colours, map) {
  const counts = new Map(byQuality);
  if (missing) counts.set("missing", missing);
  const present = series.QUALITIES.filter((quality) => counts.has(quality));
  if (present.length === 0) return null;
  const unsure = present.some((quality) => !["measured", "missing"].includes(quality));
  return h("ul", { class: "legend", "aria-label": "Qualities" },
    present.map((quality) => h("li", {}, swatch(quality, colours), ` ${quality} `, h("span", { class: "quiet" }, counts.get(quality).toLocaleString("en-GB")))),
    map && unsure ? h("li", { class: "quiet" }, h("span", { class: "dot", "aria-hidden": "true" }), " in the map: an hour that was not measured") : null,
    map && missing ? h("li", { class: "quiet" }, h("span", { class: "block", "aria-hidden": "true" }), " in the map: a missing hour") : null);
}

function swatch(quality, colours) {
  const [width, height, ratio] = [26, 16, devicePixelRatio];
  const canvas = h("canvas", { width: width * ratio, height: height * ratio, "aria-hidden": "true" });
  const ctx = canvas.getContext("2d");
  const missing = quality === "missing";
  ctx.fillStyle = fillFor(ctx, quality, { ink: missing ? colours.warn : colours.ink, ground: missing ? colours.gap : colours.faint, ratio });
  ctx.fillRect(0, 0, canvas.width, canvas.height);
  ctx.strokeStyle = missing ? colours.warn : colours.ink;
  ctx.lineWidth = 2 * ratio;
  ctx.strokeRect(0, 0, canvas.width, canvas.height);
  return canvas;
}

function scale(days, colours) {
  const ramp = h("span", { class: "ramp", "aria-hidden": "true" });
  ramp.style.background = `linear-gradient(90deg, ${colours.ramp.join(", ")})`;
  return h("p", { class: "scale" }, "0", ramp, `${series.kwhShort(highest(days))} kWh in an hour`);
}

function notes(period, gaps, told, answer, view) {
  const span = ({ from, to }) => {
    const last = calendar.addDays(to, -1);
    const text = (day) => calendar.written(day, { day: "numeric", month: "short", year: "numeric" });
    return from === last ? text(from) : `${text(from)} to ${text(last)}`;
  };
  const lines = gaps.map((gap) => `${charts.GAP_TEXT[gap.why]}: ${span(gap)}.`);
  const clocks = calendar.days(period.from, period.to).filter((day) => calendar.hoursIn(day) !== 24);
  if (view !== "year") for (const day of clocks) lines.push(`${calendar.written(day, { day: "numeric", month: "long" })} has ${calendar.hoursIn(day)} hours: the clocks change.`);
  if (answer.nextCursor) lines.push("This is the first page: the answer has a nextCursor.");
  if (told.count === 0) lines.push("There are no values in this period.");
  return h("ul", { class: "notes" }, lines.map((line) => h("li", {}, line[0].toUpperCase() + line.slice(1))));
}

function asTable(intervals, view) {
  const hours = view === "day" || view === "week";
  const rows = () => intervals.map((interval) => h("tr", {},
    h("th", { scope: "row" }, hours ? `${calendar.dayOf(interval.start)} ${calendar.clock(interval.start)} ${calendar.offsetText(interval.start)}` : calendar.dayOf(interval.start)),
    h("td", { class: "number" }, interval.wh === null ? "–" : series.kwh(interval.wh).replace(" kWh", "")),
    h("td", {}, interval.quality),
    h("td", { class: "number" }, String(interval.missing))));
  const body = h("tbody", {});
  const names = [hours ? "Start" : "Day", "kWh", hours ? "Quality" : "Least sure quality", "Missing"];
  const table = h("table", {}, h("thead", {}, h("tr", {}, names.map((name) => h("th", { scope: "col" }, name)))), body);
  const details = h("details", { class: "values" }, h("summary", {}, "The values as a table"), h("div", { class: "scrolls tall", tabindex: "0", role: "region", "aria-label": "Values" }, table));
  details.addEventListener("toggle", () => details.open && body.childElementCount === 0 && fill(body, rows()));
  return details;
}
