/** The two charts: bars over time, and a map of hours and days. Drawn by hand on uPlot's scales and axes. */

import uPlot from "/pages/uplot/dist/uPlot.esm.js";

import { h } from "./dom.js";
import * as drawing from "./drawing.js";

const AXIS_WIDTH = 62;
const AXIS_FONT = "12px system-ui, sans-serif";
const RIGHT_MARGIN = 14;

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
 * without values ({ start, end, why }), `changes` clock changes ({ at, text }). `describe` gives the lines that
 * are shown and read out for an interval; `pick` is called for one that is clicked, or chosen with Enter.
 */
export function bars(
  host,
  { intervals, from, to, ticks, lines, gaps, changes, colours, height, label, describe, pick },
) {
  const middles = intervals.map(({ start, end }) => (start + end) / 2);
  const quantities = intervals.map(({ wh }) => (wh === null ? null : wh / 1000));
  const chart = plot(host, {
    height,
    colours,
    x: { range: [from, to], ticks },
    y: { range: (_, __, top) => [0, (top || 1) * 1.12] },
    data: [middles, quantities],
    draw: (u) => {
      drawing.shade(u, gaps, colours);
      drawing.rule(u, lines, colours);
      drawing.runs(u, intervals, colours);
      for (const interval of intervals) drawing.bar(u, interval, colours);
      for (const change of changes) drawing.clockChange(u, change, colours);
    },
  });
  const box = (place) => {
    const { start, end } = intervals[place];
    const left = chart.valToPos(start, "x");
    return { left, top: 0, width: chart.valToPos(end, "x") - left, height: chart.over.clientHeight };
  };
  explore(chart, host, {
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
  explore(chart, host, {
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
        size: 34,
        splits: () => fitting(x.ticks, host.clientWidth).map(({ at }) => at),
        values: () => fitting(x.ticks, host.clientWidth).map(({ text }) => text),
        grid: { show: false },
      },
      {
        ...axis,
        size: AXIS_WIDTH,
        grid: { stroke: colours.line, width: 1, show: y.dir !== -1 },
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
function fitting(ticks, width) {
  const longest = Math.max(...ticks.map(({ text }) => text.length)) * 7.5 + 14;
  const every = Math.ceil((ticks.length * longest) / Math.max(width - AXIS_WIDTH, 1));
  return ticks.filter((_, place) => place % every === 0);
}

const by = (count) => (index) => index + count;

/** Pointer and keyboard on one chart: a frame around what is looked at, and its description. */
function explore(chart, host, { label, count, at, moves, box, describe, pick }) {
  const frame = h("div", { class: "frame", hidden: true });
  const tip = h("div", { class: "tip", hidden: true });
  chart.over.append(frame, tip);
  let current = null;

  const show = (place) => {
    current = place;
    frame.hidden = tip.hidden = place === null;
    if (place === null) return;
    const { left, top, width, height } = box(place);
    Object.assign(frame.style, {
      left: `${left}px`,
      top: `${top}px`,
      width: `${width}px`,
      height: `${height}px`,
    });
    const lines = describe(place);
    tip.replaceChildren(...lines.map((line, index) => h(index ? "div" : "strong", {}, line)));
    const room = chart.over.clientWidth - left - width;
    const onLeft = room < tip.offsetWidth + 14;
    const beside = onLeft ? left - tip.offsetWidth - 8 : left + width + 8;
    Object.assign(tip.style, {
      left: `${Math.max(beside, -AXIS_WIDTH + 4)}px`,
      top: `${Math.min(top, chart.over.clientHeight - tip.offsetHeight)}px`,
    });
    host.setAttribute("aria-valuenow", place);
    host.setAttribute("aria-valuetext", lines.join(", "));
  };

  if (count === 0) return;
  const attributes = {
    role: "slider",
    tabindex: 0,
    "aria-label": label,
    "aria-valuemin": 0,
    "aria-valuemax": count - 1,
    "aria-valuenow": 0,
  };
  for (const [name, value] of Object.entries(attributes)) host.setAttribute(name, value);
  host.setAttribute("aria-valuetext", describe(0).join(", "));
  host.onpointermove = (event) => {
    const within = chart.over.getBoundingClientRect();
    const [left, top] = [event.clientX - within.left, event.clientY - within.top];
    const inside = left >= 0 && top >= 0 && left < within.width && top < within.height;
    show(inside ? (at(left, top) ?? null) : null);
  };
  host.onpointerleave = () => show(null);
  host.onclick = () => current !== null && pick?.(current);
  host.onblur = () => show(null);
  host.onkeydown = (event) => {
    const move = moves[event.key];
    const wanted = { Home: 0, End: count - 1 }[event.key] ?? (move && (current === null ? 0 : move(current)));
    if (event.key === "Enter" && current !== null) pick?.(current);
    else if (event.key === "Escape") show(null);
    else if (wanted !== undefined) {
      event.preventDefault();
      show(Math.min(Math.max(wanted, 0), count - 1));
    }
  };
}

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
