import assert from "node:assert/strict";
import { test } from "node:test";

import { startOf } from "../../../../local/page/files/js/calendar.js";
import { pairs } from "../../../../local/page/files/js/plot/pairs.js";

const day = (date, wh, missing = 0) => ({ start: startOf(date), end: startOf(date) + 1, wh, missing });

test("a year has twelve months, each with the sums of both years", () => {
  const months = pairs([day("2025-11-03", 5), day("2026-11-03", 7), day("2026-11-04", 2)], "2026-01-01");

  assert.equal(months.length, 12);
  assert.deepEqual(months[10], {
    first: "2026-11-01",
    before: 5,
    after: 9,
    same: { before: 5, after: 7, days: 1 },
  });
  assert.deepEqual(months[0].before, null);
});

test("a day that lacks a value in one year is not compared", () => {
  const [january] = pairs([day("2025-01-01", 5, 1), day("2026-01-01", 7)], "2026-01-01");

  assert.equal(january.before, 5);
  assert.equal(january.same.days, 0);
});

test("the leap day is compared with nothing", () => {
  const february = pairs([day("2023-02-28", 1), day("2023-03-01", 1), day("2024-02-29", 9)], "2024-01-01")[1];

  assert.equal(february.after, 9);
  assert.equal(february.same.days, 0);
});
