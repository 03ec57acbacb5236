import assert from "node:assert/strict";
import { test } from "node:test";

import { states } from "../../../../local/page/files/js/plot/states.js";

const counted = (date, counts) => ({
  direction: "consumption",
  start: `${date}T00:00:00+01:00`,
  expected: 24,
  measured: 24,
  missing: 0,
  late: false,
  ...counts,
});

const of = (periods, { permitted = [{ from: null, to: null }], until = "2026-01-31" } = {}) =>
  states(periods, {
    direction: "consumption",
    period: { from: "2026-01-01", to: "2026-01-03" },
    permitted,
    until,
  });

test("the worst of a day is its state", () => {
  const state = (counts) => of([counted("2026-01-01", counts)])[0].state;

  assert.equal(state({}), "measured");
  assert.equal(state({ measured: 20 }), "estimated");
  assert.equal(state({ measured: 20, missing: 1 }), "missing");
  assert.equal(state({ measured: 0, missing: 24, late: true }), "late");
});

test("what is neither measured nor missing is counted", () => {
  assert.equal(of([counted("2026-01-01", { measured: 20, missing: 1 })])[0].unmeasured, 3);
});

test("the other direction is left out", () => {
  assert.equal(of([{ ...counted("2026-01-01", {}), direction: "production" }])[0].state, "none");
});

test("a day that is not in the answer says why", () => {
  assert.equal(of([], { permitted: [{ from: "2026-01-02", to: null }] })[0].state, "not-permitted");
  assert.equal(of([], { until: "2025-12-31" })[0].state, "not-yet");
  assert.equal(of([], { until: null })[0].state, "not-yet");
  assert.equal(of([])[1].state, "none");
});
