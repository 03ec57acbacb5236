/** A year: a bar for each day, and a map with a cell for each hour. */

import * as calendar from "../calendar.js";
import * as charts from "../charts/charts.js";
import { h } from "../dom.js";
import { t } from "../language.js";
import * as series from "../series.js";
import * as figures from "./figures.js";

export function calls({ point, direction }, { from, to }) {
  const path = `/metering-points/${point.meteringPointId}/${direction}`;
  return [{ path, parameters: { from, to, resolution: "PT1H", layout: "days" } }];
}

export function figure([answer], { state, period, go }) {
  const days = series.fromDays(answer);
  const intervals = days.flatMap((day) => day.intervals);
  const sums = series.dailySums(days);
  const summary = series.summary(intervals);
  const gaps = series.gaps(period, answer, intervals);
  const colours = charts.palette(state.direction);
  const [above, below] = [h("div", { class: "chart" }), h("div", { class: "chart" })];
  const common = {
    colours,
    describe: figures.describe,
    pick: ({ start }) => go({ view: "day", day: calendar.dayOf(start) }),
  };
  const title = figures.subject(state, period);
  return {
    content: [
      figures.headline(calendar.title(period), figures.facts(summary, { period, resolution: "PT1H" })),
      h(
        "div",
        { class: "plotted" },
        h("p", { class: "axis-title" }, t("kWh for each day")),
        above,
        h(
          "p",
          { class: "axis-title" },
          t("Hour of the day, one column for each day; the stronger the colour, the more kWh in the hour"),
        ),
        below,
        figures.scale(days, colours),
        figures.legend(summary, colours, { map: true }),
      ),
      figures.notes(period, gaps, summary, answer),
      figures.table(sums, { hours: false }),
    ],
    charts: () => [
      charts.bars(above, {
        ...common,
        intervals: sums,
        from: calendar.startOf(period.from),
        to: calendar.startOf(period.to),
        ticks: months(period).map((day) => ({
          at: calendar.startOf(calendar.addDays(day, 15)),
          text: name(day),
        })),
        lines: months(period).slice(1).map(calendar.startOf),
        gaps: gaps.map(figures.moments),
        height: figures.height(170),
        label: t("Bars: {title}. Arrow keys move from bar to bar.", { title }),
      }),
      charts.heatMap(below, {
        ...common,
        ...map(period, { days, gaps }),
        height: figures.height(300),
        label: t("Map of hours and days: {title}. Up and down move by an hour, left and right by a day.", {
          title,
        }),
      }),
    ],
  };
}

function map(period, { days, gaps }) {
  const place = (day) => calendar.daysBetween(period.from, day);
  return {
    cells: series.cells(days, period.from),
    days: place(period.to),
    ticks: months(period).map((day) => ({ at: place(day) + 15, text: name(day) })),
    lines: months(period).slice(1).map(place),
    gaps: gaps.map(({ from, to, why }) => ({ start: place(from), end: place(to), why })),
    top: series.highest(days),
  };
}

function months({ from, to }) {
  return calendar.days(from, to).filter((day) => day.endsWith("-01"));
}

function name(day) {
  return calendar.written(day, { month: "short" });
}
