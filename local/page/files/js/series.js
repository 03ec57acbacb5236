/**
 * The API's series as what a chart draws. Energy is counted in whole watt hours, so that sums are exact:
 * the API gives kWh with three decimals.
 */

import { HOUR, addDays, dayOf, days as daysOf, startOf, wall } from "./calendar.js";
import { number } from "./language.js";
import { QUALITIES } from "./qualities.js";

const STEP = { PT15M: HOUR / 4, PT1H: HOUR };

/** Intervals { start, end, wh, quality, missing } of an answer with `values`. */
export function fromValues(answer) {
  return answer.values.map(({ start, end, quantity, quality, missing }) => ({
    start: Date.parse(start),
    end: Date.parse(end),
    wh: wattHours(quantity),
    quality,
    missing: missing ?? (quantity === null ? 1 : 0),
  }));
}

/** Days { date, intervals } of an answer with `days`. */
export function fromDays(answer) {
  return answer.days.map((day) => {
    const first = Date.parse(day.start);
    const step = STEP[day.resolution];
    const exceptions = new Map(day.exceptions.map(({ position, quality }) => [position, quality]));
    const intervals = day.quantities.map((quantity, place) => ({
      start: first + place * step,
      end: first + (place + 1) * step,
      wh: wattHours(quantity),
      quality: exceptions.get(place) ?? day.quality,
      missing: quantity === null ? 1 : 0,
    }));
    return { date: day.date, intervals };
  });
}

/** A quantity of the API, in kWh, as whole watt hours; null where there is none. */
export function wattHours(quantity) {
  return quantity === null ? null : Math.round(quantity * 1000);
}

/** One interval for each day, with the quality that is least sure among the day's values. */
export function dailySums(days) {
  return days.map(({ date, intervals }) => {
    const known = intervals.filter(({ wh }) => wh !== null);
    return {
      start: startOf(date),
      end: startOf(addDays(date, 1)),
      wh: known.length ? sum(known) : null,
      quality: known.length ? leastSure(known) : "missing",
      missing: intervals.length - known.length,
    };
  });
}

function leastSure(intervals) {
  return QUALITIES[Math.max(...intervals.map(({ quality }) => QUALITIES.indexOf(quality)))];
}

/** The energy of intervals; the missing ones count as nothing. */
export function sum(intervals) {
  return intervals.reduce((total, { wh }) => total + wh, 0);
}

/** What is worth saying about intervals: total, highest, and how many there are of each quality. */
export function summary(intervals) {
  const known = intervals.filter(({ wh }) => wh !== null);
  const byQuality = new Map();
  for (const { quality } of intervals) byQuality.set(quality, (byQuality.get(quality) ?? 0) + 1);
  return {
    count: intervals.length,
    totalWh: sum(known),
    hours: known.reduce((total, { start, end }) => total + (end - start) / HOUR, 0),
    missing: intervals.reduce((total, { missing }) => total + missing, 0),
    highest: known.reduce((best, each) => (best === null || each.wh > best.wh ? each : best), null),
    byQuality,
  };
}

/** The most energy in an interval of these days, in Wh; at least 1, so that it can divide. */
export function highest(days) {
  return Math.max(1, ...days.flatMap(({ intervals }) => intervals.map(({ wh }) => wh ?? 0)));
}

/**
 * Cells of a map of hours and days: { place, hour, part, parts, interval }. `place` counts days from `from`,
 * `hour` is the wall clock's; the hour that comes twice in autumn has two parts, the one that spring leaves out
 * has no cell.
 */
export function cells(days, from) {
  const places = new Map(
    daysOf(from, addDays(days.at(-1)?.date ?? from, 1)).map((day, place) => [day, place]),
  );
  return days.flatMap(({ date, intervals }) => {
    const hours = intervals.map(({ start }) => wall(start).hour);
    return intervals.map((interval, index) => ({
      place: places.get(date),
      hour: hours[index],
      part: hours[index] === hours[index - 1] ? 1 : 0,
      parts: hours[index] === hours[index - 1] || hours[index] === hours[index + 1] ? 2 : 1,
      interval,
    }));
  });
}

/**
 * Stretches of [from, to) without values, and why: "not-permitted", "not-yet" or "none".
 * `permitted` and `availableUntil` are the answer's.
 */
export function gaps({ from, to }, { permitted, availableUntil }, intervals) {
  const present = new Set(intervals.map(({ start }) => dayOf(start)));
  const until = availableUntil ? dayOf(Date.parse(availableUntil)) : from;
  const gaps = [];
  for (const day of daysOf(from, to)) {
    if (present.has(day)) continue;
    const why = reason(day, permitted, until);
    const last = gaps.at(-1);
    if (last && last.why === why && last.to === day) last.to = addDays(day, 1);
    else gaps.push({ from: day, to: addDays(day, 1), why });
  }
  return gaps;
}

/** Why a market day has no values: `permitted` are the caller's periods, `until` is the first day without data. */
export function reason(day, permitted, until) {
  const allowed = permitted.some(({ from, to }) => (from ?? "0000") <= day && day < (to ?? "9999"));
  if (!allowed) return "not-permitted";
  return day >= until ? "not-yet" : "none";
}

/** "0.412 kWh": every decimal that was delivered. */
export function kwh(wh) {
  return `${number(wh / 1000, { minimumFractionDigits: 3, maximumFractionDigits: 3 })} kWh`;
}

/** "1,234.6" or "8.42": short enough for a headline. */
export function kwhShort(wh) {
  return number(wh / 1000, { maximumFractionDigits: wh < 100_000 ? 2 : 1 });
}
