/** What the charts are made of, drawn on the canvas of a uPlot chart `u` in its scales. */

import { t } from "../language.js";
import { letter, word } from "../qualities.js";
import { fillFor } from "./patterns.js";

export const GAP_TEXT = {
  "not-permitted": t("not permitted"),
  "not-yet": t("not yet available"),
  none: t("nothing published"),
};

/** Canvas pixels of a stretch of the x scale, and of the plot's upper and lower edge. */
function stretch(u, start, end) {
  const left = Math.round(u.valToPos(start, "x", true));
  return {
    left,
    width: Math.round(u.valToPos(end, "x", true)) - left,
    top: u.bbox.top,
    height: u.bbox.height,
  };
}

/** One interval as a bar; what was not measured is striped and has an edge. */
export function bar(u, { start, end, wh, quality }, colours) {
  if (wh === null) return;
  const { left, width } = stretch(u, start, end);
  const ratio = devicePixelRatio;
  const base = Math.round(u.valToPos(0, "y", true));
  const upper = Math.round(u.valToPos(wh / 1000, "y", true));
  const gap = width > 5 * ratio ? ratio : width > 3 * ratio ? ratio / 2 : 0;
  const { ctx } = u;
  ctx.fillStyle = fillFor(ctx, quality, { ink: colours.ink, ground: colours.faint, ratio });
  ctx.fillRect(left + gap, upper, width - 2 * gap, base - upper);
  if (quality === "measured" || width < 4 * ratio) return;
  ctx.strokeStyle = colours.ink;
  ctx.lineWidth = ratio;
  ctx.strokeRect(left + gap + ratio / 2, upper + ratio / 2, width - 2 * gap - ratio, base - upper);
}

/** A bar without a quality; a `faint` one has an edge instead of a fill. */
export function plainBar(u, { start, end, wh }, colours, { faint }) {
  if (wh === null) return;
  const { left, width } = stretch(u, start, end);
  const base = Math.round(u.valToPos(0, "y", true));
  const upper = Math.round(u.valToPos(wh / 1000, "y", true));
  const ratio = devicePixelRatio;
  u.ctx.fillStyle = faint ? colours.faint : colours.ink;
  u.ctx.fillRect(left, upper, width, base - upper);
  if (!faint) return;
  u.ctx.strokeStyle = colours.ink;
  u.ctx.lineWidth = ratio;
  u.ctx.strokeRect(left + ratio / 2, upper + ratio / 2, width - ratio, base - upper);
}

/** A text above a bar that is `wh` high, where it has `room` (in the x scale). */
export function above(u, { at, wh, text, room }, colours) {
  const ratio = devicePixelRatio;
  u.ctx.font = `600 ${11 * ratio}px system-ui, sans-serif`;
  if (u.ctx.measureText(text).width > stretch(u, at, at + room).width) return;
  u.ctx.textAlign = "center";
  u.ctx.textBaseline = "bottom";
  u.ctx.fillStyle = colours.text;
  u.ctx.fillText(text, u.valToPos(at, "x", true), u.valToPos(wh / 1000, "y", true) - 4 * ratio);
}

/** Numbers in discs at the top of the plot, over their moments; one that would lie on another is put below it. */
export function marks(u, all, colours) {
  const ratio = devicePixelRatio;
  const radius = 9 * ratio;
  const { ctx } = u;
  const placed = [];
  ctx.font = `600 ${11 * ratio}px system-ui, sans-serif`;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  for (const { at, text } of all) {
    const x = u.valToPos(at, "x", true);
    const row = placed.filter((other) => Math.abs(other - x) < 2 * radius + ratio).length;
    placed.push(x);
    const y = u.bbox.top + radius + 2 * ratio + row * (2 * radius + ratio);
    ctx.fillStyle = colours.text;
    ctx.beginPath();
    ctx.arc(x, y, radius, 0, 2 * Math.PI);
    ctx.fill();
    ctx.fillStyle = colours.ground;
    ctx.fillText(text, x, y + ratio / 2);
  }
}

/** Neighbours of one quality that is not measured: named above the bars; where values are missing, hatched to the top. */
export function runs(u, intervals, colours) {
  const mark = (interval) => interval && (interval.missing ? "missing" : interval.quality);
  const names = [];
  for (let first = 0; first < intervals.length;) {
    const quality = mark(intervals[first]);
    const { start } = intervals[first];
    let last = first;
    while (mark(intervals[last + 1]) === quality && intervals[last + 1].start === intervals[last].end) last++;
    const { end } = intervals[last];
    first = last + 1;
    if (quality === "measured") continue;
    const { left, width, top, height } = stretch(u, start, end);
    if (quality === "missing") {
      u.ctx.fillStyle = fillFor(u.ctx, quality, {
        ink: colours.warn,
        ground: colours.gap,
        ratio: devicePixelRatio,
      });
      u.ctx.fillRect(left, top, width, height);
    }
    names.push({ quality, middle: left + width / 2, width });
  }
  nameAll(u, names, colours);
}

/**
 * Qualities over their stretches: the word where it has room, else its letter; readable on whatever lies below. One
 * that would lie on another is left out, and missing values are named first.
 */
function nameAll(u, names, colours) {
  const ratio = devicePixelRatio;
  const { ctx } = u;
  const { top } = u.bbox;
  const placed = [];
  ctx.font = `600 ${11 * ratio}px system-ui, sans-serif`;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  const missingFirst = [...names].sort((one, other) => isMissing(other) - isMissing(one));
  for (const { quality, middle, width } of missingFirst) {
    const hasRoom = ctx.measureText(word(quality)).width + 10 * ratio <= width;
    const text = hasRoom ? word(quality) : letter(quality);
    const size = ctx.measureText(text).width + 4 * ratio;
    if (placed.some((other) => Math.abs(other.middle - middle) < (other.size + size) / 2)) continue;
    placed.push({ middle, size });
    ctx.fillStyle = colours.ground;
    ctx.fillRect(middle - size / 2, top, size, 16 * ratio);
    ctx.fillStyle = isMissing({ quality }) ? colours.warn : colours.text;
    ctx.fillText(text, middle, top + 8.5 * ratio);
  }
}

function isMissing({ quality }) {
  return quality === "missing";
}

/** Stretches without values, with the reason where it has room. */
export function shade(u, gaps, colours) {
  const ratio = devicePixelRatio;
  for (const { start, end, why } of gaps) {
    const { left, width, top, height } = stretch(u, start, end);
    u.ctx.fillStyle = colours.gap;
    u.ctx.fillRect(left, top, width, height);
    u.ctx.font = `${12 * ratio}px system-ui, sans-serif`;
    if (u.ctx.measureText(GAP_TEXT[why]).width + 12 * ratio > width) continue;
    u.ctx.fillStyle = colours.quiet;
    u.ctx.textAlign = "center";
    u.ctx.textBaseline = "middle";
    u.ctx.fillText(GAP_TEXT[why], left + width / 2, top + height / 2);
  }
}

/** Lines from top to bottom, such as between days. */
export function rule(u, lines, colours) {
  u.ctx.fillStyle = colours.line;
  for (const at of lines) {
    u.ctx.fillRect(Math.round(u.valToPos(at, "x", true)), u.bbox.top, devicePixelRatio, u.bbox.height);
  }
}

/** Where the clocks change, in words. */
export function clockChange(u, { at, text }, colours) {
  const ratio = devicePixelRatio;
  const { ctx } = u;
  const x = Math.round(u.valToPos(at, "x", true));
  ctx.save();
  ctx.strokeStyle = colours.text;
  ctx.lineWidth = 1.5 * ratio;
  ctx.setLineDash([5 * ratio, 4 * ratio]);
  ctx.beginPath();
  ctx.moveTo(x, u.bbox.top);
  ctx.lineTo(x, u.bbox.top + u.bbox.height);
  ctx.stroke();
  ctx.restore();
  ctx.font = `${12 * ratio}px system-ui, sans-serif`;
  const size = ctx.measureText(text).width + 10 * ratio;
  const left = Math.min(x + 5 * ratio, u.bbox.left + u.bbox.width - size);
  ctx.fillStyle = colours.ground;
  // Above every bar: the scale leaves room there.
  ctx.fillRect(left, u.bbox.top, size, 18 * ratio);
  ctx.fillStyle = colours.text;
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  ctx.fillText(text, left + 5 * ratio, u.bbox.top + 9 * ratio);
}

/** A cell of the map of hours and days, in its scales: left, upper, right, lower. */
export function corners({ place, hour, part, parts }) {
  return [place, hour + part / parts, place + 1, hour + (part + 1) / parts];
}

/** The cells of the map; what is missing and what was not measured stand out. */
export function paint(u, cells, { top, colours }) {
  const { ctx } = u;
  const ratio = devicePixelRatio;
  const hatch = fillFor(ctx, "missing", { ink: colours.warn, ground: colours.gap, ratio });
  for (const cell of cells) {
    const { wh, quality } = cell.interval;
    const [x0, y0, x1, y1] = corners(cell);
    const [left, upper] = [Math.round(u.valToPos(x0, "x", true)), Math.round(u.valToPos(y0, "y", true))];
    const [right, lower] = [Math.round(u.valToPos(x1, "x", true)), Math.round(u.valToPos(y1, "y", true))];
    // A hatch needs room; in a narrow column a plain block is what stands out.
    const missing = right - left < 8 * ratio ? colours.warn : hatch;
    ctx.fillStyle = wh === null ? missing : shadeOf(wh / top, colours.ramp);
    ctx.fillRect(left, upper, right - left, lower - upper);
    if (quality === "measured" || wh === null) continue;
    const size = Math.max(2 * ratio, Math.min(right - left, lower - upper) / 3);
    ctx.fillStyle = colours.warn;
    ctx.fillRect((left + right - size) / 2, (upper + lower - size) / 2, size, size);
  }
}

/** A colour of the ramp, mixed from the two steps beside `share` (0 to 1). */
function shadeOf(share, ramp) {
  const at = Math.min(Math.max(share, 0), 1) * (ramp.length - 1);
  const lower = Math.min(Math.floor(at), ramp.length - 2);
  const [from, to] = [ramp[lower], ramp[lower + 1]].map((colour) =>
    [1, 3, 5].map((place) => parseInt(colour.slice(place, place + 2), 16)),
  );
  return `rgb(${from.map((value, place) => Math.round(value + (to[place] - value) * (at - lower))).join(" ")})`;
}
