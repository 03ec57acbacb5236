/** One metering point: ask for what the view needs, draw it, and show what went over the wire. */

import * as api from "../api.js";
import { fill, find, h } from "../dom.js";
import { exchange } from "../exchange.js";
import { t } from "../language.js";
import * as problems from "../problems.js";
import * as bars from "./bars.js";
import * as comparison from "./comparison.js";
import * as completeness from "./completeness.js";
import * as downloads from "./downloads.js";
import * as views from "./views.js";
import * as year from "./year.js";

/**
 * What draws each view. `calls(state, period)` are the calls that it needs; `figure(answers, context)` makes its
 * elements, and the charts once these are in the document: { content, charts() }.
 */
const DRAWN_BY = { day: bars, week: bars, month: bars, year, years: comparison, completeness };

let charts = [];
let latest = null;
let shown = null;

/** Ask for what `state` names, and draw it. `go` changes the state and shows it. */
export async function show(state, { demo, contract, go }) {
  latest?.abort();
  const own = (latest = new AbortController());
  const period = views.period(state.view, state.day);
  const again = () => show(state, { demo, contract, go });
  const call = ({ path, parameters }) =>
    api.call(demo, state.caller, path, { parameters, pretence: state.pretence, signal: own.signal });
  find("#figure").setAttribute("aria-busy", "true");
  try {
    const records = await Promise.all(DRAWN_BY[state.view].calls(state, period).map(call));
    if (own.signal.aborted) return;
    const [record] = records;
    shown = { records, state: { ...state }, period, demo, contract, go };
    if (record.status === 200) draw();
    else clear(problems.answered(record, { again }));
    fill(find("#behind"), h("h2", {}, t("Behind the chart")), exchange(record, { demo, ...state }));
  } catch (error) {
    if (error.name === "AbortError") return;
    shown = null;
    clear(problems.failed(error, { again }));
    fill(find("#behind"));
  } finally {
    if (!own.signal.aborted) find("#figure").removeAttribute("aria-busy");
  }
}

/** Draw again what is shown: the colours of the page have changed. */
export function redraw() {
  if (shown?.records[0].status === 200) draw();
}

/** Show why there is nothing to plot, with the call that says so, if there was one. */
export function refuse(problem, record, { demo, state }) {
  latest?.abort();
  shown = null;
  find("#figure").removeAttribute("aria-busy");
  clear(problem);
  fill(
    find("#behind"),
    record ? [h("h2", {}, t("Behind the answer")), exchange(record, { demo, ...state })] : null,
  );
}

function clear(problem) {
  destroyCharts();
  fill(find("#figure"), problem);
}

function destroyCharts() {
  for (const chart of charts) chart.destroy();
  charts = [];
}

function draw() {
  const { records, state, period, demo, contract, go } = shown;
  const focused = document.activeElement?.classList.contains("chart");
  destroyCharts();
  // What a chart does not need may be refused: the chart is shown without it.
  const answers = records.map(({ status, json }) => (status === 200 ? json : null));
  const figure = DRAWN_BY[state.view].figure(answers, { state, period, go });
  fill(find("#figure"), figure.content, downloads.ofPoint(state, period, { demo, contract, go }));
  charts = figure.charts();
  // After a choice with the keyboard, the focus stays on the chart.
  if (focused) find("#figure .chart").focus();
}
