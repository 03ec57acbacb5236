import assert from "node:assert/strict";
import { test } from "node:test";

import * as calendar from "../../../../local/page/files/js/calendar.js";

const at = (text) => Date.parse(text);

test("market days have 23, 24 or 25 hours", () => {
  assert.equal(calendar.hoursIn("2026-03-28"), 24);
  assert.equal(calendar.hoursIn("2026-03-29"), 23);
  assert.equal(calendar.hoursIn("2026-10-25"), 25);
});

test("a market day starts at midnight in Oslo, winter and summer", () => {
  assert.equal(calendar.startOf("2026-01-15"), at("2026-01-15T00:00+01:00"));
  assert.equal(calendar.startOf("2026-03-29"), at("2026-03-29T00:00+01:00"));
  assert.equal(calendar.endOf("2026-03-29"), at("2026-03-30T00:00+02:00"));
  assert.equal(calendar.endOf("2026-10-25"), at("2026-10-26T00:00+01:00"));
});

test("a moment lies in the market day of Oslo, not of UTC", () => {
  assert.equal(calendar.dayOf(at("2026-06-30T22:00Z")), "2026-07-01");
  assert.equal(calendar.dayOf(at("2026-12-31T22:59Z")), "2026-12-31");
});

test("the clocks change between two hours that follow each other", () => {
  assert.deepEqual(calendar.clockChange("2026-03-29"), { at: at("2026-03-29T03:00+02:00"), forward: true });
  assert.deepEqual(calendar.clockChange("2026-10-25"), { at: at("2026-10-25T02:00+01:00"), forward: false });
  assert.equal(calendar.clockChange("2026-10-24"), null);
});

test("the time axis names wall-clock hours, and 24 at the end", () => {
  const texts = (day) => calendar.hourMarks(day, 3).map(({ text }) => text);
  const usual = ["00", "03", "06", "09", "12", "15", "18", "21", "24"];

  assert.deepEqual(texts("2026-06-01"), usual);
  assert.deepEqual(texts("2026-03-29"), usual);
  assert.deepEqual(texts("2026-10-25"), usual);
  assert.equal(calendar.hourMarks("2026-03-29", 3)[1].at, at("2026-03-29T03:00+02:00"));
  assert.equal(calendar.hourMarks("2026-10-25", 3)[1].at, at("2026-10-25T03:00+01:00"));
});

test("periods are half-open: a week from Monday, a month, a year", () => {
  const bounds = (view, day) => [calendar.period(view, day).from, calendar.period(view, day).to];

  assert.deepEqual(bounds("day", "2026-03-29"), ["2026-03-29", "2026-03-30"]);
  assert.deepEqual(bounds("week", "2026-03-29"), ["2026-03-23", "2026-03-30"]);
  assert.deepEqual(bounds("week", "2026-03-30"), ["2026-03-30", "2026-04-06"]);
  assert.deepEqual(bounds("month", "2026-02-28"), ["2026-02-01", "2026-03-01"]);
  assert.deepEqual(bounds("month", "2026-12-31"), ["2026-12-01", "2027-01-01"]);
  assert.deepEqual(bounds("year", "2026-03-29"), ["2026-01-01", "2027-01-01"]);
});

test("the neighbour of a period touches it", () => {
  for (const view of ["day", "week", "month", "year"]) {
    const here = calendar.period(view, "2026-03-31");
    assert.equal(calendar.neighbour(here, 1).from, here.to);
    assert.equal(calendar.neighbour(here, -1).to, here.from);
  }
});

test("weeks are numbered as in ISO 8601", () => {
  assert.equal(calendar.weekNumber("2026-01-01"), 1);
  assert.equal(calendar.weekNumber("2027-01-03"), 53);
  assert.equal(calendar.weekNumber("2027-01-04"), 1);
  assert.equal(calendar.weekNumber("2026-03-29"), 13);
});

test("titles say the period in words", () => {
  assert.equal(calendar.title(calendar.period("day", "2026-03-29")), "Sunday 29 March 2026");
  assert.equal(calendar.title(calendar.period("week", "2026-03-29")), "Week 13, 23–29 March 2026");
  assert.equal(calendar.title(calendar.period("week", "2026-03-30")), "Week 14, 30 March–5 April 2026");
  assert.equal(calendar.title(calendar.period("month", "2026-03-29")), "March 2026");
  assert.equal(calendar.title(calendar.period("year", "2026-03-29")), "2026");
});
