/** A calendar of a year: which market days have all their values, and what the others lack. */

import * as calendar from "../calendar.js";
import { explore } from "../charts/exploring.js";
import { disclosure, h, table } from "../dom.js";
import { number, t } from "../language.js";
import { GAP_TEXT } from "../charts/drawing.js";
import * as figures from "./figures.js";
import { states } from "./states.js";

/** The states of a market day: from good to bad, then those in which no values are expected. */
const WORDS = {
  measured: t("all measured"),
  estimated: t("some not measured"),
  missing: t("some missing"),
  late: t("late: the day is not there"),
  "not-permitted": GAP_TEXT["not-permitted"],
  "not-yet": GAP_TEXT["not-yet"],
  none: GAP_TEXT.none,
};

export function calls({ point }, { from, to }) {
  const parameters = { meteringPointId: point.meteringPointId, from, to, resolution: "P1D" };
  return [{ path: "/completeness", parameters }];
}

export function figure([answer], { state, period, go }) {
  const all = states(answer.periods, {
    direction: state.direction,
    period,
    permitted: state.point.permitted,
    until: state.until,
  });
  const cells = all.map((each) =>
    h("span", { class: `day ${each.state}` }, String(Number(each.day.slice(8)))),
  );
  const host = h("div", { class: "chart wall" }, months(all, cells));
  return {
    content: [
      figures.headline(t("Completeness of {year}", { year: period.from.slice(0, 4) }), facts(all)),
      h("div", { class: "plotted" }, host, legend(all)),
      h(
        "p",
        { class: "notes" },
        answer.nextCursor ? t("This is the first page: the answer has a nextCursor.") : "",
      ),
      asTable(all),
    ],
    charts: () => {
      explore(host, host, {
        label: t("Calendar: {title}. Left and right move by a day, up and down by a week.", {
          title: figures.subject(state, period),
        }),
        count: all.length,
        at: (left, top) => cells.findIndex((cell) => covers(cell, left, top)),
        moves: {
          ArrowRight: by(1),
          ArrowLeft: by(-1),
          ArrowDown: by(7),
          ArrowUp: by(-7),
          PageDown: by(30),
          PageUp: by(-30),
        },
        box: (place) => {
          const { offsetLeft, offsetTop, offsetWidth, offsetHeight } = cells[place];
          return { left: offsetLeft, top: offsetTop, width: offsetWidth, height: offsetHeight };
        },
        describe: (place) => describe(all[place]),
        pick: (place) => go({ view: "day", day: all[place].day }),
      });
      return [];
    },
  };
}

const by = (count) => (place) => place + count;

function covers({ offsetLeft, offsetTop, offsetWidth, offsetHeight }, left, top) {
  return (
    left >= offsetLeft &&
    left < offsetLeft + offsetWidth &&
    top >= offsetTop &&
    top < offsetTop + offsetHeight
  );
}

/** The cells in a block for each month, under the letters of the weekdays. */
function months(all, cells) {
  const monday = calendar.period("week", all[0].day).from;
  const letters = calendar
    .days(monday, calendar.addDays(monday, 7))
    .map((day) => h("span", { class: "weekday" }, calendar.written(day, { weekday: "narrow" })));
  const blocks = [];
  all.forEach(({ day }, place) => {
    if (day.endsWith("-01")) {
      const before = calendar.daysBetween(calendar.period("week", day).from, day);
      const grid = h(
        "div",
        { class: "month-days" },
        letters.map((letter) => letter.cloneNode(true)),
        Array.from({ length: before }, () => h("span")),
      );
      blocks.push({ grid, block: h("div", { class: "month" }, h("strong", {}, name(day)), grid) });
    }
    blocks.at(-1).grid.append(cells[place]);
  });
  return blocks.map(({ block }) => block);
}

function name(day) {
  return calendar.written(day, { month: "long" });
}

function facts(all) {
  const expected = all.filter((each) => each.expected > 0);
  const sum = (field) => expected.reduce((total, each) => total + each[field], 0);
  const whole = expected.filter(({ missing }) => missing === 0).length;
  const present = sum("expected") - sum("missing");
  return [
    [t("Complete days"), number(whole), t("of {count} days", { count: number(expected.length) })],
    [
      t("Values there"),
      expected.length ? `${number(Math.floor((present / sum("expected")) * 10_000) / 100)} %` : "–",
      t("{present} of {expected}", { present: number(present), expected: number(sum("expected")) }),
    ],
    [t("Not measured"), number(sum("unmeasured")), t("values")],
    [t("Missing"), number(sum("missing")), t("values")],
  ];
}

function legend(all) {
  const count = (state) => all.filter((each) => each.state === state).length;
  return h(
    "ul",
    { class: "legend", "aria-label": t("States of a day") },
    Object.entries(WORDS)
      .filter(([state]) => count(state))
      .map(([state, text]) =>
        h(
          "li",
          {},
          h("span", { class: `day ${state}`, "aria-hidden": "true" }),
          ` ${text} `,
          h("span", { class: "quiet" }, number(count(state))),
        ),
      ),
  );
}

function describe({ day, state, expected, measured, unmeasured, missing }) {
  return [
    calendar.written(day, { weekday: "short", day: "numeric", month: "short", year: "numeric" }),
    WORDS[state],
    ...(expected ? [t("{measured} of {expected} values measured", { measured, expected })] : []),
    ...(unmeasured ? [t("{count} not measured", { count: unmeasured })] : []),
    ...(missing ? [t("{count} missing", { count: missing })] : []),
  ];
}

function asTable(all) {
  const rows = () =>
    all
      .filter(({ expected, state }) => expected && state !== "measured")
      .map(({ day, state, expected, measured, unmeasured, missing }) => [
        day,
        WORDS[state],
        ...[expected, measured, unmeasured, missing].map(String),
      ]);
  return disclosure(
    t("Days that are not all measured, as a table"),
    () =>
      table({
        label: t("Days that are not all measured"),
        names: [t("Day"), t("State"), t("Expected"), t("Measured"), t("Not measured"), t("Missing")],
        rows: rows(),
      }),
    { class: "values" },
  );
}
