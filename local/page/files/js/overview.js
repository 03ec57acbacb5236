/** All metering points of the caller at a glance: what they used lately, what is missing, and until when there is data. */

import * as api from "./api.js";
import * as calendar from "./calendar.js";
import * as charts from "./charts/charts.js";
import { sparkline } from "./charts/sparkline.js";
import { fill, find, h } from "./dom.js";
import { difference, number, t } from "./language.js";
import * as downloads from "./plot/downloads.js";
import * as figures from "./plot/figures.js";
import * as points from "./points.js";
import * as problems from "./problems.js";
import * as readers from "./readers.js";
import * as series from "./series.js";

const DAYS = 31;
/** Metering points whose values are asked for in one call, and shown before the button for more. */
const AT_ONCE = 24;
/** Up to so many metering points need no search field. */
const FEW = 12;
/** Entries of an answer at most, so that a large portfolio takes few calls. */
const LARGEST_PAGE = 10_000;

let shown = null;
let chart = null;

/** Show the overview for the caller and the metering points that `state` names. */
export async function show(state, { demo, contract, go }) {
  if (shown?.points === state.points) return;
  const own = (shown = { points: state.points, state: { ...state }, go });
  const host = find("#overview");
  const window = { first: calendar.addDays(state.until, 1 - DAYS), until: state.until };
  const end = calendar.addDays(state.until, 1);
  const caller = { demo, caller: state.caller, pretence: state.pretence };
  host.setAttribute("aria-busy", "true");
  try {
    const [total, before, missing, customers] = await Promise.all([
      totals(caller, { from: window.first, to: end, resolution: "P1D" }),
      totals(caller, sameDaysOfTheYearBefore(window.until)),
      missingValues(caller, { from: window.first, to: end }),
      customersOf(caller),
    ]);
    if (shown !== own) return;
    Object.assign(own, { total, before, missing, window, end });
    const list = h("div", {});
    const filter = { text: "", count: AT_ONCE };
    const fillList = () => rows(list, own, { caller, go, filter });
    fill(
      host,
      h(
        "section",
        { class: "card overview-figure", "aria-labelledby": "overview-title" },
        summary(own),
        downloads.ofPortfolio(state, { from: window.first, to: own.end }, { demo, contract, go }),
      ),
      pointsCard(own, { list, filter, fillList }),
      readers.section(customers, caller),
    );
    drawChart(own);
    await fillList();
  } catch (error) {
    if (shown !== own) return;
    shown = null;
    const again = () => show(state, { demo, contract, go });
    fill(host, h("section", { class: "card" }, problems.failed(error, { again })));
  } finally {
    if (shown === own || shown === null) host.removeAttribute("aria-busy");
  }
}

/** Draw the chart again: the colours of the page have changed. */
export function redraw() {
  if (shown?.total) drawChart(shown);
}

async function totals({ demo, caller, pretence }, parameters) {
  const answers = await api.pages(demo, caller, "/consumption/total", { parameters, pretence });
  return answers.flatMap((answer) =>
    answer.values.map((value) => ({
      start: Date.parse(value.start),
      end: Date.parse(value.end),
      wh: series.wattHours(value.quantity),
      quality: "measured",
      // The chart does not mark a day of a whole portfolio for a missing hour of one metering point.
      missing: 0,
      valuesMissing: value.missing,
      meteringPoints: value.meteringPoints,
    })),
  );
}

/** How many values are missing, those of absent days too, by "direction/metering point id". */
async function missingValues({ demo, caller, pretence }, { from, to }) {
  const parameters = { from, to, resolution: "P1M", limit: LARGEST_PAGE };
  const bySeries = new Map();
  for (const { periods } of await api.pages(demo, caller, "/completeness", { parameters, pretence }))
    for (const { direction, meteringPointId, missing } of periods) {
      const key = `${direction}/${meteringPointId}`;
      bySeries.set(key, (bySeries.get(key) ?? 0) + missing);
    }
  return bySeries;
}

async function customersOf({ demo, caller, pretence }) {
  const record = await api.call(demo, caller, "/customers", { pretence });
  if (record.status !== 200) throw new api.Refused(record);
  return record.json.customers;
}

function sameDaysOfTheYearBefore(until) {
  const year = Number(until.slice(0, 4)) - 1;
  const from = `${year}${until.slice(4, 7)}-01`;
  return { from, to: calendar.addDays(from, Number(until.slice(8))), resolution: "P1D" };
}

/** The list of metering points, with a field to search in it when it is long. */
function pointsCard({ points: all }, { list, filter, fillList }) {
  const search = h("input", { type: "search", id: "find", autocomplete: "off" });
  search.oninput = () => {
    Object.assign(filter, { text: search.value, count: AT_ONCE });
    fillList();
  };
  return h(
    "section",
    { class: "card points", "aria-labelledby": "points-title" },
    h(
      "div",
      { class: "card-head" },
      h("h2", { id: "points-title" }, t("Metering points")),
      all.length > FEW ? h("label", { class: "filter", for: "find" }, `${t("Find")} `, search) : null,
    ),
    list,
  );
}

function summary({ points: all, total, before, missing, window }) {
  const month = total.filter(({ start }) => calendar.dayOf(start) >= `${window.until.slice(0, 7)}-01`);
  const last = total.at(-1);
  const earlier = before.filter(({ wh }) => wh !== null);
  const comparable = earlier.length === month.length;
  const name = calendar.written(window.until, { month: "long" });
  const text = {
    last:
      last &&
      calendar.written(calendar.dayOf(last.start), { weekday: "short", day: "numeric", month: "short" }),
    month: t("{month} so far", { month: name[0].toUpperCase() + name.slice(1) }),
    compared: t("{difference} against {year}", {
      difference: difference(series.sum(month), series.sum(earlier)),
      year: Number(window.until.slice(0, 4)) - 1,
    }),
  };
  const allMissing = [...missing.values()].reduce((sum, count) => sum + count, 0);
  return [
    figures.headline(
      t("All metering points"),
      [
        [text.month, `${series.kwhShort(series.sum(month))} kWh`, comparable ? text.compared : ""],
        [
          t("Last day"),
          (last?.wh ?? null) === null ? "–" : `${series.kwhShort(last.wh)} kWh`,
          last ? text.last : "",
        ],
        [t("Missing"), number(allMissing), t("values in {days} days", { days: DAYS })],
        [
          t("Metering points"),
          number(all.length),
          last ? t("{count} on the last day", { count: last.meteringPoints }) : "",
        ],
      ],
      "overview-title",
    ),
    h(
      "div",
      { class: "plotted" },
      h("p", { class: "axis-title" }, t("Consumption, kWh for each day")),
      h("div", { class: "chart", id: "total-chart" }),
    ),
  ];
}

function drawChart({ total, window, state }) {
  chart?.destroy();
  const days = calendar.days(window.first, calendar.addDays(window.until, 1));
  const mondays = days.filter((day) => calendar.period("week", day).from === day);
  chart = charts.bars(find("#total-chart"), {
    intervals: total,
    from: calendar.startOf(window.first),
    to: calendar.endOf(window.until),
    ticks: mondays.map((day) => ({ at: calendar.noon(day), text: calendar.short(day) })),
    lines: mondays.map(calendar.startOf),
    gaps: [],
    colours: charts.palette("consumption"),
    height: figures.height(220),
    label: t("Bars: consumption of all metering points of {caller}. Arrow keys move from day to day.", {
      caller: state.caller.displayName ?? state.caller.name,
    }),
    describe: ({ start, wh, valuesMissing, meteringPoints }) => [
      wh === null ? t("missing") : series.kwh(wh),
      calendar.written(calendar.dayOf(start), {
        weekday: "short",
        day: "numeric",
        month: "short",
        year: "numeric",
      }),
      t("{count} metering points", { count: meteringPoints }),
      ...(valuesMissing ? [t("{count} values missing", { count: valuesMissing })] : []),
    ],
    pick: null,
  });
}

/** Fill the list with the metering points that match the filter, a row for each of their directions. */
async function rows(list, own, { caller, go, filter }) {
  const latest = (own.latest = {});
  const matching = own.points.filter((point) => points.matches(point, filter.text));
  const few = matching.slice(0, filter.count);
  const more = () => {
    filter.count += AT_ONCE;
    return rows(list, own, { caller, go, filter });
  };
  list.setAttribute("aria-busy", "true");
  const bySeries = await days(caller, few, own.window);
  if (own.latest !== latest) return;
  list.removeAttribute("aria-busy");
  fill(
    list,
    matching.length === 0
      ? h("p", {}, t("No metering point is found."))
      : overviewTable(few, { bySeries, own, go }),
    matching.length > few.length
      ? h(
          "p",
          { class: "more" },
          h("button", { type: "button", onclick: more }, t("Show more")),
          ` ${t("{shown} of {all} are shown.", { shown: few.length, all: number(matching.length) })}`,
        )
      : null,
  );
}

/** Daily sums by "direction/metering point id". */
async function days({ demo, caller, pretence }, wanted, { first, until }) {
  const bySeries = new Map();
  const ask = async (direction, some) => {
    const parameters = {
      meteringPointId: some.map(({ meteringPointId }) => meteringPointId),
      from: first,
      to: calendar.addDays(until, 1),
      resolution: "P1D",
    };
    for (const answer of await api.pages(demo, caller, `/${direction}`, { parameters, pretence }))
      for (const each of answer.series) {
        const key = `${direction}/${each.meteringPointId}`;
        bySeries.set(key, [...(bySeries.get(key) ?? []), ...series.fromValues(each)]);
      }
  };
  for (let place = 0; place < wanted.length; place += AT_ONCE) {
    for (const direction of ["consumption", "production"]) {
      const some = wanted
        .slice(place, place + AT_ONCE)
        .filter(({ directions }) => directions.includes(direction));
      if (some.length) await ask(direction, some);
    }
  }
  return bySeries;
}

function overviewTable(wanted, { bySeries, own, go }) {
  const month = calendar.written(own.window.until, { month: "long" });
  const names = [
    t("Metering point"),
    t("Last {days} days", { days: DAYS }),
    t("Last day, kWh"),
    t("{month}, kWh", { month: month[0].toUpperCase() + month.slice(1) }),
    t("Missing"),
    t("Data until"),
  ];
  const lines = wanted.flatMap((point) =>
    point.directions.map((direction) =>
      row(point, direction, bySeries.get(`${direction}/${point.meteringPointId}`) ?? []),
    ),
  );
  // The roles say what the elements are also where the style sheet lays the rows out as cards.
  return h(
    "table",
    { class: "overview", role: "table", "aria-labelledby": "points-title" },
    h(
      "thead",
      { role: "rowgroup" },
      h(
        "tr",
        { role: "row" },
        names.map((name) => h("th", { scope: "col", role: "columnheader" }, name)),
      ),
    ),
    h("tbody", { role: "rowgroup" }, lines),
  );

  function row(point, direction, intervals) {
    const byDay = new Map(intervals.map((each) => [calendar.dayOf(each.start), each]));
    const all = calendar.days(own.window.first, calendar.addDays(own.window.until, 1));
    const values = all.map((day) => byDay.get(day)?.wh ?? null);
    const known = intervals.filter(({ wh }) => wh !== null);
    const last = known.at(-1);
    const ofMonth = intervals.filter(
      ({ start }) => calendar.dayOf(start) >= `${own.window.until.slice(0, 7)}-01`,
    );
    const missing = own.missing.get(`${direction}/${point.meteringPointId}`) ?? 0;
    const cell = (name, content, kind = "number") =>
      h("td", { role: "cell", class: kind, "data-name": name }, content);
    return h(
      "tr",
      { role: "row", class: direction },
      h("th", { scope: "row", role: "rowheader" }, link(point, direction, go)),
      cell(
        names[1],
        known.length ? sparkline(values, inWords(known)) : h("span", { class: "quiet" }, "–"),
        "line",
      ),
      cell(names[2], last ? series.kwhShort(last.wh) : "–"),
      cell(names[3], ofMonth.length ? series.kwhShort(series.sum(ofMonth)) : "–"),
      cell(names[4], number(missing), missing ? "number bad" : "number"),
      cell(names[5], until(point, last)),
    );
  }
}

function inWords(known) {
  const quantities = known.map(({ wh }) => wh);
  return t("{days} days between {lowest} and {highest} kWh", {
    days: known.length,
    lowest: series.kwhShort(Math.min(...quantities)),
    highest: series.kwhShort(Math.max(...quantities)),
  });
}

function until(point, last) {
  if (last) return calendar.short(calendar.dayOf(last.start));
  const ended = point.permitted.map(({ to }) => to).at(-1);
  return ended ? t("access ended {day}", { day: calendar.short(ended, { year: true }) }) : "–";
}

function link(point, direction, go) {
  const open = (event) => {
    event.preventDefault();
    go({ tab: "series", point, direction });
  };
  const target = `#${new URLSearchParams({ tab: "series", point: point.meteringPointId, direction })}`;
  return [
    h("a", { href: target, onclick: open }, points.name(point)),
    direction === "production" ? h("span", { class: "tag sun" }, t("production")) : null,
    h("span", { class: "quiet" }, points.address(point)),
    h("span", { class: "number-text" }, point.meteringPointId),
  ];
}
