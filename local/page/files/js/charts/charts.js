/** Bars over time, pairs of bars, and a map of hours and days. Drawn by hand on uPlot's scales and axes. */

import uPlot from "/pages/uplot/dist/uPlot.esm.js";

import { number } from "../language.js";
import * as drawing from "./drawing.js";
import { explore } from "./exploring.js";

const NARROW = 480;
const AXIS_FONT = "12px system-ui, sans-serif";
const RIGHT_MARGIN = 14;

/** Pixels for the texts of the vertical axis. */
const axisWidth = (host) => (host.clientWidth < NARROW ? 48 : 62);

/** The page's colours for a direction, from its style sheet. */
export function palette(direction) {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(name).trim();
  return {
    ink: read(`--${direction}`),
    ground: read("--card"),
    faint: read(`--${direction}-faint`),
    text: read("--text"),
    quiet: read("--quiet"),
    line: read("--line"),
    gap: read("--gap"),
    warn: read("--warn"),
    ramp: read(`--${direction}-ramp`).split(" "),
  };
}

/**
 * Bars over time, each as wide as its interval is long.
 *
 * `ticks` name places on the time axis ({ at, text }), `lines` are moments to draw a line at, `gaps` stretches
 * without values ({ start, end, why }), `changes` clock changes ({ at, text }), `marks` numbers above bars
 * ({ at, text }). `describe` gives the lines that are shown and read out for an interval; `pick` is called for one
 * that is clicked, or chosen with Enter.
 */
export function bars(
  host,
  {
    intervals,
    from,
    to,
    ticks,
    lines,
    gaps,
    changes = [],
    marks = [],
    colours,
    height,
    label,
    describe,
    pick,
  },
) {
  const middles = intervals.map(({ start, end }) => (start + end) / 2);
  const quantities = intervals.map(({ wh }) => (wh === null ? null : wh / 1000));
  const chart = plot(host, {
    height,
    colours,
    x: { range: [from, to], ticks },
    y: { range: fromZero(marks.length ? 1.2 : 1.12) },
    data: [middles, quantities],
    draw: (u) => {
      drawing.shade(u, gaps, colours);
      drawing.rule(u, lines, colours);
      drawing.runs(u, intervals, colours);
      for (const interval of intervals) drawing.bar(u, interval, colours);
      for (const change of changes) drawing.clockChange(u, change, colours);
      drawing.marks(u, marks, colours);
    },
  });
  const box = (place) => {
    const { start, end } = intervals[place];
    const left = chart.valToPos(start, "x");
    return { left, top: 0, width: chart.valToPos(end, "x") - left, height: chart.over.clientHeight };
  };
  explore(host, chart.over, {
    overhang: axisWidth(host),
    label,
    count: intervals.length,
    at: (left) => nearest(intervals, chart.posToVal(left, "x")),
    moves: { ArrowRight: by(1), ArrowLeft: by(-1), PageDown: by(24), PageUp: by(-24) },
    box,
    describe: (place) => describe(intervals[place]),
    pick: pick && ((place) => pick(intervals[place])),
  });
  return chart;
}

/** A map: one column for each day, one row for each hour of the wall clock; the more energy, the stronger the colour. */
export function heatMap(
  host,
  { cells, days, ticks, lines, gaps, top, colours, height, label, describe, pick },
) {
  const chart = plot(host, {
    height,
    colours,
    x: { range: [0, days], ticks },
    y: {
      range: [0, 24],
      dir: -1,
      ticks: [0, 6, 12, 18, 24].map((hour) => ({ at: hour, text: String(hour).padStart(2, "0") })),
    },
    data: [Array.from({ length: days }, (_, place) => place + 0.5), Array(days).fill(null)],
    draw: (u) => {
      drawing.shade(u, gaps, colours);
      drawing.paint(u, cells, { top, colours });
      drawing.rule(u, lines, colours);
    },
  });
  const byPlace = new Map(
    cells.map((cell, index) => [`${cell.place}/${cell.hour + cell.part / cell.parts}`, index]),
  );
  const cellAt = (place, hour) =>
    byPlace.get(`${place}/${Math.floor(hour * 2) / 2}`) ?? byPlace.get(`${place}/${Math.floor(hour)}`);
  const byDays = (count) => (index) =>
    cellAt(cells[index].place + count, cells[index].hour) ?? index + 24 * count;
  explore(host, chart.over, {
    overhang: axisWidth(host),
    label,
    count: cells.length,
    at: (left, upper) => cellAt(Math.floor(chart.posToVal(left, "x")), chart.posToVal(upper, "y")),
    moves: {
      ArrowDown: by(1),
      ArrowUp: by(-1),
      ArrowRight: byDays(1),
      ArrowLeft: byDays(-1),
      PageDown: byDays(7),
      PageUp: byDays(-7),
    },
    box: (index) => {
      const [x0, y0, x1, y1] = drawing.corners(cells[index]);
      const [left, upper] = [chart.valToPos(x0, "x"), chart.valToPos(y0, "y")];
      return {
        left,
        top: upper,
        width: chart.valToPos(x1, "x") - left,
        height: chart.valToPos(y1, "y") - upper,
      };
    },
    describe: (index) => describe(cells[index].interval),
    pick: pick && ((index) => pick(cells[index].interval)),
  });
  return chart;
}

/** A scale that starts at zero and leaves room above the highest. */
function fromZero(room) {
  return (_, __, top) => [0, (top || 1) * room];
}

/**
 * Two bars beside each other for each of `pairs` ({ text, before, after, above }, Wh or null for none): the earlier
 * one faint with an edge, the later one filled, with the text `above` them where there is one.
 */
export function pairedBars(host, { pairs, colours, height, label, describe, pick }) {
  const places = pairs.map((_, place) => place + 0.5);
  const highest = pairs.map(({ before, after }) => Math.max(before ?? 0, after ?? 0) / 1000);
  const chart = plot(host, {
    height,
    colours,
    x: { range: [0, pairs.length], ticks: pairs.map(({ text }, place) => ({ at: places[place], text })) },
    y: { range: fromZero(1.1) },
    data: [places, highest],
    draw: (u) => {
      pairs.forEach(({ before, after, above }, place) => {
        drawing.plainBar(u, { start: place + 0.12, end: place + 0.49, wh: before }, colours, { faint: true });
        drawing.plainBar(u, { start: place + 0.51, end: place + 0.88, wh: after }, colours, { faint: false });
        if (above)
          drawing.above(u, { at: places[place], wh: Math.max(before, after), text: above, room: 1 }, colours);
      });
    },
  });
  const width = () => chart.over.clientWidth / pairs.length;
  explore(host, chart.over, {
    overhang: axisWidth(host),
    label,
    count: pairs.length,
    at: (left) => Math.floor(left / width()),
    moves: { ArrowRight: by(1), ArrowLeft: by(-1) },
    box: (place) => ({ left: place * width(), top: 0, width: width(), height: chart.over.clientHeight }),
    describe: (place) => describe(pairs[place]),
    pick: pick && ((place) => pick(pairs[place])),
  });
  return chart;
}

function plot(host, { height, colours, x, y, data, draw }) {
  const axis = { stroke: colours.quiet, font: AXIS_FONT, ticks: { show: false } };
  const options = {
    width: host.clientWidth,
    height,
    padding: [10, RIGHT_MARGIN, 0, 0],
    legend: { show: false },
    cursor: { x: false, y: false, points: { show: false }, drag: { x: false, y: false, setScale: false } },
    scales: { x: { time: false, range: x.range }, y: { range: y.range, dir: y.dir ?? 1 } },
    series: [{}, { paths: () => null, points: { show: false } }],
    axes: [
      {
        ...axis,
        size: 26,
        splits: () => fitting(x.ticks, host).map(({ at }) => at),
        values: () => fitting(x.ticks, host).map(({ text }) => text),
        grid: { show: false },
      },
      {
        ...axis,
        size: (_, texts) => Math.max(axisWidth(host), ...(texts ?? []).map(({ length }) => length * 7 + 6)),
        grid: { stroke: colours.line, width: 1, show: y.dir !== -1 },
        values: (_, splits) => splits.map((kwh) => number(kwh)),
        ...(y.ticks && {
          splits: () => y.ticks.map(({ at }) => at),
          values: () => y.ticks.map(({ text }) => text),
        }),
      },
    ],
    hooks: { draw: [draw] },
  };
  const chart = new uPlot(options, data, host);
  const resized = new ResizeObserver(
    () => host.clientWidth && chart.setSize({ width: host.clientWidth, height }),
  );
  resized.observe(host);
  chart.hooks.destroy = [() => resized.disconnect()];
  return chart;
}

/** As many of the tick texts as have room beside each other. */
function fitting(ticks, host) {
  const longest = Math.max(...ticks.map(({ text }) => text.length)) * 7.5 + 10;
  const every = Math.ceil((ticks.length * longest) / Math.max(host.clientWidth - axisWidth(host), 1));
  return ticks.filter((_, place) => place % every === 0);
}

const by = (count) => (index) => index + count;

/** The interval that a moment lies in; undefined when it lies in none. */
function nearest(intervals, moment) {
  let [low, high] = [0, intervals.length - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (moment < intervals[middle].start) high = middle - 1;
    else if (moment >= intervals[middle].end) low = middle + 1;
    else return middle;
  }
  return undefined;
}
