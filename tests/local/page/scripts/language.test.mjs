import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import * as calendar from "../../../../local/page/files/js/calendar.js";
import * as language from "../../../../local/page/files/js/language.js";
import * as series from "../../../../local/page/files/js/series.js";

afterEach(() => language.use("en"));

test("places in a text are filled in", () => {
  assert.equal(language.t("in {hours} hours", { hours: 24 }), "in 24 hours");
  language.use("nb");
  assert.equal(language.t("in {hours} hours", { hours: 24 }), "på 24 timer");
});

test("an unknown language is English", () => {
  language.use("xx");
  assert.equal(language.current(), "en");
});

test("numbers and days are written as in Norway", () => {
  language.use("nb");
  assert.match(series.kwh(1_234_567), /^1\s234,567 kWh$/);
  assert.equal(calendar.title(calendar.period("day", "2026-03-29")), "Søndag 29. mars 2026");
  assert.equal(calendar.title(calendar.period("month", "2026-03-29")), "Mars 2026");
});

test("a difference has its sign, and none without something to compare with", () => {
  assert.equal(language.difference(103, 100), "+3 %");
  assert.equal(language.difference(97.9, 100), "−2.1 %");
  assert.equal(language.difference(100, 100), "0 %");
  assert.equal(language.difference(5, 0), "–");
});
