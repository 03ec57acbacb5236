/** The months of a year beside those of the year before. */

import * as calendar from "../calendar.js";

/**
 * The twelve months of the year that starts with `first`: { first, before, after, same }. `before` and `after` are
 * what the month has in each year in Wh, null for nothing; `same` { before, after, days } counts only the market days
 * that have all their values in both years.
 */
export function pairs(intervals, first) {
  const sums = new Map(intervals.map((interval) => [calendar.dayOf(interval.start), interval]));
  const year = calendar.period("year", first);
  const months = new Map();
  for (const day of calendar.days(year.from, year.to)) {
    const start = calendar.period("month", day).from;
    if (!months.has(start))
      months.set(start, { first: start, before: null, after: null, same: { before: 0, after: 0, days: 0 } });
    const month = months.get(start);
    const [before, after] = [sums.get(yearBefore(day)), sums.get(day)];
    if (hasEnergy(before)) month.before += before.wh;
    if (hasEnergy(after)) month.after += after.wh;
    if (!isWhole(before) || !isWhole(after)) continue;
    month.same.before += before.wh;
    month.same.after += after.wh;
    month.same.days += 1;
  }
  return [...months.values()];
}

/** The same market day a year earlier; "2023-02-29" for a leap day, which no value has. */
export function yearBefore(day) {
  return `${Number(day.slice(0, 4)) - 1}${day.slice(4)}`;
}

function hasEnergy(interval) {
  return interval !== undefined && interval.wh !== null;
}

function isWhole(interval) {
  return hasEnergy(interval) && interval.missing === 0;
}
