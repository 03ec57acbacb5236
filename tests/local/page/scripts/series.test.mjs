import assert from "node:assert/strict";
import { test } from "node:test";

import * as series from "../../../../local/page/files/js/series.js";

const hour = (start, quantity, quality = "measured") => ({ start, end: start, quantity, quality });

const day = (date, start, quantities, exceptions = []) => ({
  date,
  start,
  resolution: "PT1H",
  quality: "measured",
  exceptions,
  quantities,
});

test("sums are exact to the watt hour", () => {
  const values = Array.from({ length: 10 }, () => hour("2026-06-01T00:00:00+02:00", 0.1));

  assert.equal(series.summary(series.fromValues({ values })).totalWh, 1000);
});

test("packed days have a quality for each value and one start after the other", () => {
  const [{ intervals }] = series.fromDays({
    days: [
      day("2026-06-01", "2026-06-01T00:00:00+02:00", [0.412, null], [{ position: 1, quality: "missing" }]),
    ],
  });

  assert.deepEqual(intervals[0], {
    start: Date.parse("2026-05-31T22:00Z"),
    end: Date.parse("2026-05-31T23:00Z"),
    wh: 412,
    quality: "measured",
    missing: 0,
  });
  assert.deepEqual(intervals[1], {
    start: Date.parse("2026-05-31T23:00Z"),
    end: Date.parse("2026-06-01T00:00Z"),
    wh: null,
    quality: "missing",
    missing: 1,
  });
});

test("a day of quarters has four starts in an hour", () => {
  const [{ intervals }] = series.fromDays({
    days: [{ ...day("2026-06-01", "2026-06-01T00:00:00+02:00", [1, 2]), resolution: "PT15M" }],
  });

  assert.equal(intervals[1].start - intervals[0].start, 900_000);
});

test("a daily sum has the least certain quality and counts what is missing", () => {
  const days = series.fromDays({
    days: [
      day(
        "2026-06-01",
        "2026-06-01T00:00:00+02:00",
        [1.5, 2, null],
        [
          { position: 1, quality: "estimated" },
          { position: 2, quality: "missing" },
        ],
      ),
    ],
  });

  const [sum] = series.dailySums(days);

  assert.deepEqual([sum.wh, sum.quality, sum.missing], [3500, "estimated", 1]);
});

test("a day without any value has no sum", () => {
  const days = series.fromDays({
    days: [{ ...day("2026-06-01", "2026-06-01T00:00:00+02:00", [null, null]), quality: "missing" }],
  });

  assert.deepEqual([series.dailySums(days)[0].wh, series.dailySums(days)[0].quality], [null, "missing"]);
});

test("a coarser value that lacks some of its parts counts them as missing", () => {
  const values = [
    {
      start: "2026-06-01T00:00:00+02:00",
      end: "2026-06-02T00:00:00+02:00",
      quantity: 5,
      quality: "measured",
      complete: false,
      missing: 4,
    },
  ];

  assert.equal(series.summary(series.fromValues({ values })).missing, 4);
});

test("the map has no cell for the hour that spring leaves out", () => {
  const [spring] = series.fromDays({
    days: [day("2026-03-29", "2026-03-29T00:00:00+01:00", Array(23).fill(1))],
  });

  const cells = series.cells([spring], "2026-03-28");

  assert.deepEqual(
    cells.slice(0, 4).map(({ hour }) => hour),
    [0, 1, 3, 4],
  );
  assert.deepEqual(new Set(cells.map(({ place }) => place)), new Set([1]));
  assert.ok(cells.every(({ parts }) => parts === 1));
});

test("the map halves the cell of the hour that comes twice in autumn", () => {
  const [autumn] = series.fromDays({
    days: [day("2026-10-25", "2026-10-25T00:00:00+02:00", Array(25).fill(1))],
  });

  const twice = series.cells([autumn], "2026-10-25").filter(({ parts }) => parts === 2);

  assert.deepEqual(
    twice.map(({ hour, part }) => [hour, part]),
    [
      [2, 0],
      [2, 1],
    ],
  );
});

test("stretches without values say why", () => {
  const answer = {
    permitted: [{ from: "2026-06-02", to: null }],
    availableUntil: "2026-06-05T00:00:00+02:00",
  };
  const intervals = series.fromValues({ values: [hour("2026-06-03T00:00:00+02:00", 1)] });

  assert.deepEqual(series.gaps({ from: "2026-06-01", to: "2026-06-07" }, answer, intervals), [
    { from: "2026-06-01", to: "2026-06-02", why: "not-permitted" },
    { from: "2026-06-02", to: "2026-06-03", why: "none" },
    { from: "2026-06-04", to: "2026-06-05", why: "none" },
    { from: "2026-06-05", to: "2026-06-07", why: "not-yet" },
  ]);
});

test("energy is written with the decimals that were delivered", () => {
  assert.equal(series.kwh(412), "0.412 kWh");
  assert.equal(series.kwh(1_234_500), "1,234.500 kWh");
});
