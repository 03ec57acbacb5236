/** The plot: a metering point's series for a day, a week, a month or a year. */

import * as api from "./api.js";
import * as calendar from "./calendar.js";
import * as charts from "./charts.js";
import { fill, find, h } from "./dom.js";
import { exchange } from "./exchange.js";
import * as figures from "./figures.js";
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
    const record = await api.call(
      demo,
      state.caller,
      `/metering-points/${state.point.meteringPointId}/${state.direction}`,
      {
        parameters: PARAMETERS[state.view](period),
        pretence: state.pretence,
        signal: own.signal,
      },
    );
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
  fill(
    find("#behind"),
    record ? [h("h2", {}, "Behind the answer"), exchange(record, { demo, ...state })] : null,
  );
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
  const summary = series.summary(intervals);
  const gaps = series.gaps(period, answer, intervals);
  const colours = charts.palette(state.direction);
  const resolution = smallest(intervals) ?? answer.resolution;

  const hosts =
    state.view === "year"
      ? [h("div", { class: "chart" }), h("div", { class: "chart" })]
      : [h("div", { class: "chart" })];
  const captions =
    state.view === "year"
      ? [
          "kWh for each day",
          `Hour of the day, one column for each day; the stronger the colour, the more kWh in the hour`,
        ]
      : [`kWh for each ${PER[resolution] ?? "interval"}`];
  fill(
    find("#figure"),
    figures.headline(summary, { state, period, resolution }),
    hosts.map((host, place) => [h("p", { class: "axis-title" }, captions[place]), host]),
    state.view === "year" ? figures.scale(days, colours) : null,
    figures.legend(summary, colours, state.view === "year"),
    figures.notes(period, gaps, summary, answer, state.view),
    figures.asTable(days ? series.dailySums(days) : intervals, state.view),
  );
  const common = {
    colours,
    gaps,
    state,
    period,
    resolution,
    go,
    title: `${state.point.name ?? state.point.meteringPointId}, ${state.direction}, ${calendar.title(period)}`,
  };
  if (state.view === "year") drawYear(hosts, days, common);
  else drawBars(hosts[0], intervals, common, { height: 320 });
  // After a choice with the keyboard, the focus stays on that day.
  if (focused) hosts[0].focus();
}

function drawBars(host, intervals, { colours, gaps, state, period, go, title }, { height }) {
  const from = calendar.startOf(period.from);
  const to = calendar.startOf(period.to);
  const all = calendar.days(period.from, period.to);
  drawn.push(
    charts.bars(host, {
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
    }),
  );
}

function drawYear([above, below], days, common) {
  const { period, colours, gaps, go, title } = common;
  drawBars(above, series.dailySums(days), common, { height: 170 });
  const all = calendar.days(period.from, period.to);
  const place = (day) => calendar.daysBetween(period.from, day);
  const months = all.filter((day) => day.endsWith("-01"));
  drawn.push(
    charts.heatMap(below, {
      cells: series.cells(days, period.from),
      days: all.length,
      ticks: months.map((day) => ({ at: place(day) + 15, text: calendar.written(day, { month: "short" }) })),
      lines: months.slice(1).map(place),
      gaps: gaps.map(({ from, to, why }) => ({ start: place(from), end: place(to), why })),
      top: series.highest(days),
      colours,
      height: 300,
      label: `Map of hours and days: ${title}. Up and down move by an hour, left and right by a day.`,
      describe,
      pick: ({ start }) => go({ view: "day", day: calendar.dayOf(start) }),
    }),
  );
}

function timeAxis(view, all) {
  const noon = (day) => (calendar.startOf(day) + calendar.endOf(day)) / 2;
  const boundaries = all.slice(1).map(calendar.startOf);
  if (view === "day") return { ticks: calendar.hourMarks(all[0], 3), lines: [] };
  if (view === "week")
    return {
      ticks: all.map((day) => ({
        at: noon(day),
        text: calendar.written(day, { weekday: "short", day: "numeric" }),
      })),
      lines: boundaries,
    };
  if (view === "month")
    return {
      ticks: all.map((day) => ({ at: noon(day), text: String(Number(day.slice(8))) })),
      lines: all.filter((day) => calendar.period("week", day).from === day).map(calendar.startOf),
    };
  const months = all.filter((day) => day.endsWith("-01"));
  return {
    ticks: months.map((day) => ({
      at: calendar.startOf(calendar.addDays(day, 15)),
      text: calendar.written(day, { month: "short" }),
    })),
    lines: months.slice(1).map(calendar.startOf),
  };
}

function changes(all) {
  return all.flatMap((day) => {
    const change = calendar.clockChange(day);
    return change
      ? [{ at: change.at, text: change.forward ? "02:00 → 03:00, 23 hours" : "03:00 → 02:00, 25 hours" }]
      : [];
  });
}

function moments({ from, to, why }) {
  return { start: calendar.startOf(from), end: calendar.startOf(to), why };
}

function smallest(intervals) {
  const length = Math.min(...intervals.map(({ start, end }) => end - start));
  return (
    { [calendar.HOUR / 4]: "PT15M", [calendar.HOUR]: "PT1H" }[length] ??
    (length > calendar.HOUR && Number.isFinite(length) ? "P1D" : undefined)
  );
}

/** An interval in words, line by line. */
function describe({ start, end, wh, quality, missing }) {
  const long = end - start > calendar.HOUR;
  const day = calendar.written(calendar.dayOf(start), {
    weekday: "short",
    day: "numeric",
    month: "short",
    year: "numeric",
  });
  const twice =
    !long && calendar.clock(start) === calendar.clock(end)
      ? `${calendar.offsetText(start)} to ${calendar.offsetText(end)}`
      : calendar.offsetText(start);
  return [
    wh === null ? "missing" : series.kwh(wh),
    long ? day : `${day}, ${calendar.clock(start)}–${calendar.clock(end)}`,
    ...(long ? [`${(end - start) / calendar.HOUR} hours`] : [`UTC${twice}`]),
    ...(quality === "missing" ? [] : [quality]),
    ...(long && missing ? [`${missing} values missing`] : []),
  ];
}
