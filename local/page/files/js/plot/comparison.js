/** A year beside the year before, month by month. */

import * as calendar from "../calendar.js";
import * as charts from "../charts/charts.js";
import { disclosure, h, table } from "../dom.js";
import { difference, number, t } from "../language.js";
import * as series from "../series.js";
import * as figures from "./figures.js";
import { pairs, yearBefore } from "./pairs.js";

export function calls({ point, direction }, { from, to }) {
  const path = `/metering-points/${point.meteringPointId}/${direction}`;
  return [{ path, parameters: { from: yearBefore(from), to, resolution: "P1D" } }];
}

export function figure([answer], { state, period, go }) {
  const all = pairs(series.fromValues(answer), period.from);
  const names = { before: yearBefore(period.from).slice(0, 4), after: period.from.slice(0, 4) };
  const host = h("div", { class: "chart" });
  const total = (side) => all.reduce((sum, { same }) => sum + same[side], 0);
  const [before, after, days] = ["before", "after", "days"].map(total);
  const onDays = t("on the {days} days that are complete in both years", { days: number(days) });
  const kwh = (wh) => (days ? `${series.kwhShort(wh)} kWh` : "–");
  return {
    content: [
      figures.headline(t("{after} beside {before}", names), [
        [names.after, kwh(after), onDays],
        [names.before, kwh(before), onDays],
        [t("Difference"), days ? difference(after, before) : "–", days ? signed(after - before) : ""],
      ]),
      h(
        "div",
        { class: "plotted" },
        h("p", { class: "axis-title" }, t("kWh for each month")),
        host,
        h(
          "ul",
          { class: "legend", "aria-label": t("Years") },
          h("li", {}, h("span", { class: `swatch faint ${state.direction}` }), ` ${names.before}`),
          h("li", {}, h("span", { class: `swatch ${state.direction}` }), ` ${names.after}`),
        ),
      ),
      h(
        "p",
        { class: "notes" },
        t("Differences compare only days that have all their values in both years."),
        days === 0 ? ` ${t("No day is complete in both years.")}` : "",
      ),
      asTable(all, names),
    ],
    charts: () => [
      charts.pairedBars(host, {
        pairs: all.map((month) => ({
          ...month,
          text: calendar.written(month.first, { month: "short" }),
          above: month.same.days ? difference(month.same.after, month.same.before) : null,
        })),
        colours: charts.palette(state.direction),
        height: figures.height(320),
        label: t("Bars: {title}. Arrow keys move from month to month.", {
          title: figures.subject(state, period),
        }),
        describe: (month) => describe(month, names),
        pick: ({ first }) => go({ view: "month", day: first }),
      }),
    ],
  };
}

function signed(wh) {
  return `${wh > 0 ? "+" : "−"}${series.kwhShort(Math.abs(wh))} kWh`;
}

function quantity(wh) {
  return wh === null ? "–" : series.kwhShort(wh);
}

function describe({ first, before, after, same }, names) {
  return [
    calendar.title(calendar.period("month", first)),
    `${names.after}: ${quantity(after)} kWh`,
    `${names.before}: ${quantity(before)} kWh`,
    same.days
      ? `${difference(same.after, same.before)} ${t("on {days} days", { days: same.days })}`
      : t("nothing to compare"),
  ];
}

function asTable(all, names) {
  const rows = () =>
    all.map(({ first, before, after, same }) => [
      calendar.written(first, { month: "long" }),
      quantity(before),
      quantity(after),
      same.days ? difference(same.after, same.before) : "–",
      String(same.days),
    ]);
  return disclosure(
    t("The values as a table"),
    () =>
      table({
        label: t("Values"),
        names: [t("Month"), `${names.before}, kWh`, `${names.after}, kWh`, t("Difference"), t("Days compared")],
        rows: rows(),
      }),
    { class: "values" },
  );
}
