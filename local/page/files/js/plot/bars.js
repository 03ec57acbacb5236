/** A day, a week or a month as bars; a month with its highest hours. */

import * as calendar from "../calendar.js";
import * as charts from "../charts/charts.js";
import { h } from "../dom.js";
import { t } from "../language.js";
import * as series from "../series.js";
import * as figures from "./figures.js";
import * as peaks from "./peaks.js";

const CAPTIONS = {
  PT15M: t("kWh for each 15 minutes"),
  PT1H: t("kWh for each hour"),
  P1D: t("kWh for each day"),
};

export function calls(state, { view, from, to }) {
  const { point, direction } = state;
  const path = `/metering-points/${point.meteringPointId}/${direction}`;
  if (view === "day") return [{ path, parameters: { date: from } }];
  if (view === "week") return [{ path, parameters: { from, to } }];
  return [{ path, parameters: { from, to, resolution: "P1D" } }, peaks.call(state, from)];
}

export function figure([answer, highest], { state, period, go }) {
  const intervals = series.fromValues(answer);
  const summary = series.summary(intervals);
  const gaps = series.gaps(period, answer, intervals);
  const colours = charts.palette(state.direction);
  const resolution = smallest(intervals) ?? answer.resolution;
  const host = h("div", { class: "chart" });
  const days = calendar.days(period.from, period.to);
  const open = (day) => go({ view: "day", day });
  return {
    content: [
      figures.headline(calendar.title(period), figures.facts(summary, { period, resolution })),
      h(
        "div",
        { class: "plotted" },
        h("p", { class: "axis-title" }, CAPTIONS[resolution] ?? t("kWh for each interval")),
        host,
        figures.legend(summary, colours, {
          clockChange: days.some(calendar.clockChange) && period.view !== "month",
        }),
      ),
      highest && peaks.list(highest, { state, open }),
      figures.notes(period, gaps, summary, answer),
      figures.table(intervals, { hours: period.view !== "month" }),
    ],
    charts: () => [
      charts.bars(host, {
        intervals,
        from: calendar.startOf(period.from),
        to: calendar.startOf(period.to),
        ...timeAxis(period.view, days),
        gaps: gaps.map(figures.moments),
        changes: period.view === "month" ? [] : clockChanges(days),
        marks: highest ? peaks.marks(highest) : [],
        colours,
        height: figures.height(320),
        label: t("Bars: {title}. Arrow keys move from bar to bar.", {
          title: figures.subject(state, period),
        }),
        describe: figures.describe,
        pick: period.view === "day" ? null : ({ start }) => open(calendar.dayOf(start)),
      }),
    ],
  };
}

function timeAxis(view, days) {
  if (view === "day") return { ticks: calendar.hourMarks(days[0], 3), lines: [] };
  const named = (text) => days.map((day) => ({ at: calendar.noon(day), text: text(day) }));
  if (view === "week")
    return {
      ticks: named((day) => calendar.written(day, { weekday: "short", day: "numeric" })),
      lines: days.slice(1).map(calendar.startOf),
    };
  return {
    ticks: named((day) => String(Number(day.slice(8)))),
    lines: days.filter((day) => calendar.period("week", day).from === day).map(calendar.startOf),
  };
}

function clockChanges(days) {
  return days.map(calendar.clockChange).flatMap((change) => {
    if (!change) return [];
    const text = change.forward ? t("02:00 → 03:00, 23 hours") : t("03:00 → 02:00, 25 hours");
    return [{ at: change.at, text }];
  });
}

function smallest(intervals) {
  const length = Math.min(...intervals.map(({ start, end }) => end - start));
  return (
    { [calendar.HOUR / 4]: "PT15M", [calendar.HOUR]: "PT1H" }[length] ??
    (length > calendar.HOUR && Number.isFinite(length) ? "P1D" : undefined)
  );
}
