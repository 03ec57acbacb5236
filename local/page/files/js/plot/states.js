/** The state of each market day: whether its values are there, and whether they are measured. */

import * as calendar from "../calendar.js";
import * as series from "../series.js";

/**
 * Every market day of `period`: { day, state, expected, measured, unmeasured, missing } from the answer's periods of
 * one direction. `unmeasured` are estimated, temporary and calculated values. A day that the answer does not have
 * is explained by the `permitted` periods and by the day `until` which there is data.
 */
export function states(periods, { direction, period, permitted, until }) {
  const counts = new Map(
    periods
      .filter((each) => each.direction === direction)
      .map((each) => [calendar.dayOf(Date.parse(each.start)), each]),
  );
  const after = until ? calendar.addDays(until, 1) : period.from;
  return calendar.days(period.from, period.to).map((day) => {
    const counted = counts.get(day);
    if (!counted?.expected)
      return {
        day,
        state: series.reason(day, permitted, after),
        expected: 0,
        measured: 0,
        unmeasured: 0,
        missing: 0,
      };
    const { expected, measured, missing } = counted;
    const unmeasured = expected - measured - missing;
    const state = counted.late ? "late" : missing ? "missing" : unmeasured ? "estimated" : "measured";
    return { day, state, expected, measured, unmeasured, missing };
  });
}
