/** The page as a whole: who calls, which metering point, what is shown; all of it in the address, to be shared. */

import * as api from "./api.js";
import * as calendar from "./calendar.js";
import * as calls from "./calls.js";
import { fill, find, h, tabs } from "./dom.js";
import * as plot from "./plot.js";
import * as points from "./points.js";
import * as problems from "./problems.js";

const VIEWS = { day: "Day", week: "Week", month: "Month", year: "Year" };
const DIRECTIONS = { consumption: "Consumption", production: "Production" };
const THEMES = { auto: "As the system", light: "Light", dark: "Dark" };
const FIRST_MARKET_DAY = "2000-01-01";

/** caller, pretence, points, point, direction, view, day, until, tab */
const state = { pretence: "", points: [], direction: "consumption", view: "day", tab: "plot" };
let demo;
let contract;
let entering;

async function start() {
  theme(localStorage.getItem("theme") ?? "auto");
  try {
    [demo, contract] = await Promise.all([api.world(), api.openapi()]);
  } catch (error) {
    fill(find("main"), problems.failed(error, { again: () => location.reload() }));
    return;
  }
  read();
  setUpCaller();
  setUpToolbar();
  setUpTabs();
  // A link to another state reloads the page; the link that skips to the content does not.
  addEventListener("hashchange", () => (location.hash === "#main" ? write() : location.reload()));
  await enter();
}

/** What the address says, such as #caller=kari&point=7070…&view=year&day=2026-03-29. */
function read() {
  const given = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  state.caller = demo.callers.find(({ name }) => name === given.caller) ?? state.caller ?? demo.callers[0];
  state.view = given.view in VIEWS ? given.view : state.view;
  state.direction = given.direction in DIRECTIONS ? given.direction : state.direction;
  state.day = /^\d{4}-\d\d-\d\d$/.test(given.day) ? given.day : state.day;
  state.wanted = given.point ?? state.point?.meteringPointId;
  state.point = state.points.find(({ meteringPointId }) => meteringPointId === state.wanted) ?? state.point;
  state.tab = given.tab === "calls" ? "calls" : "plot";
}

function write() {
  const { caller, point, direction, view, day, tab } = state;
  const said = new URLSearchParams({
    tab,
    caller: caller.name,
    ...(point && { point: point.meteringPointId }),
    direction,
    view,
    ...(day && { day }),
  });
  history.replaceState(null, "", `#${said}`);
}

function go(change) {
  Object.assign(state, change);
  show();
}

/** A caller has come in: look up what it may read, then show it. Who comes in meanwhile goes first. */
async function enter() {
  const own = (entering = {});
  state.points = [];
  fill(find("#points"), h("p", { role: "status" }, "Asking for metering points …"));
  let found;
  try {
    found = await points.ask({ demo, ...state });
    if (!found.refused) await freshness(own);
  } catch (error) {
    if (entering === own) refuse(problems.failed(error, { again: enter }), null);
    return;
  }
  if (entering !== own) return;
  if (found.refused) {
    refuse(problems.answered(found.refused, { again: enter }), found.refused);
    return;
  }
  state.points = found.points;
  state.day ??= state.until ?? calendar.dayOf(Date.now());
  state.point =
    state.points.find(({ meteringPointId }) => meteringPointId === state.wanted) ?? state.points[0];
  if (state.point) state.direction = directionOf(state.point);
  points.list(state.points, { chosen: state.point, choose });
  show();
}

function choose(point) {
  go({ point, direction: directionOf(point) });
}

/** The direction that is shown, where the metering point has it, else one that it has. */
function directionOf({ directions }) {
  return directions.includes(state.direction) ? state.direction : (directions[0] ?? "consumption");
}

function refuse(problem, record) {
  state.point = undefined;
  fill(find("#points"), h("p", { class: "quiet" }, "None to show."));
  fill(find("#freshness"));
  find("#filter").hidden = find("#toolbar").hidden = true;
  plot.refuse(problem, record, { demo, state });
  show();
}

async function freshness(own) {
  const record = await api.call(demo, state.caller, "/status", { pretence: state.pretence });
  if (record.status !== 200 || entering !== own) return;
  const { dataAvailableUntil, lastPublishedAt } = record.json;
  state.until = dataAvailableUntil && calendar.dayOf(Date.parse(dataAvailableUntil) - 1);
  const published = lastPublishedAt && new Date(lastPublishedAt);
  fill(
    find("#freshness"),
    state.until
      ? [
          "Data up to and with ",
          h(
            "strong",
            {},
            calendar.written(state.until, {
              weekday: "long",
              day: "numeric",
              month: "long",
              year: "numeric",
            }),
          ),
        ]
      : "No data yet",
    published
      ? [
          ", published ",
          h(
            "time",
            { datetime: lastPublishedAt },
            `${calendar.written(calendar.dayOf(+published), { day: "numeric", month: "short" })} at ${calendar.clock(+published)}`,
          ),
        ]
      : "",
  );
}

function setUpCaller() {
  const group = (kind, label) =>
    h(
      "optgroup",
      { label },
      demo.callers
        .filter((caller) => caller.kind === kind)
        .map(({ name, displayName }) => h("option", { value: name }, displayName ?? name)),
    );
  const select = find("#caller");
  fill(select, group("app", "Applications"), group("user", "Users"));
  select.value = state.caller.name;
  select.onchange = () => {
    state.caller = demo.callers.find(({ name }) => name === select.value);
    enter();
  };
  find("#filter input").oninput = points.filter;
  const pretence = find("#pretence");
  fill(
    pretence,
    Object.entries(api.PRETENCES).map(([value, text]) => h("option", { value }, text)),
  );
  pretence.onchange = () => {
    state.pretence = pretence.value;
    enter();
  };
}

function setUpToolbar() {
  fill(find("#directions"), h("legend", {}, "Direction"), radios("direction", DIRECTIONS));
  fill(find("#views"), h("legend", {}, "View"), radios("view", VIEWS));
  const step = (count) => () =>
    go({ day: calendar.neighbour(calendar.period(state.view, state.day), count).from });
  find("#previous").onclick = step(-1);
  find("#next").onclick = step(1);
  find("#latest").onclick = () => go({ day: state.until });
  find("#day").onchange = ({ target }) => target.value >= FIRST_MARKET_DAY && go({ day: target.value });
}

function radios(name, choices) {
  return h(
    "div",
    { class: "segments" },
    Object.entries(choices).map(([value, text]) =>
      h(
        "label",
        {},
        h("input", { type: "radio", name, value, onchange: () => go({ [name]: value }) }),
        h("span", {}, text),
      ),
    ),
  );
}

function setUpTabs() {
  const [plotPanel, callsPanel] = [find("#plot"), find("#calls")];
  plotPanel.hidden = callsPanel.hidden = false;
  const choose = (place) => {
    state.tab = place ? "calls" : "plot";
    show();
  };
  find("#tabs").append(
    tabs(
      "Parts of the page",
      [
        ["Plot", plotPanel],
        ["Try calls", callsPanel],
      ],
      { chosen: state.tab === "calls" ? 1 : 0, onchange: choose },
    ),
  );
  const choice = find("#theme");
  fill(
    choice,
    Object.entries(THEMES).map(([value, text]) =>
      h("option", { value, selected: value === (localStorage.getItem("theme") ?? "auto") }, text),
    ),
  );
  choice.onchange = () => theme(choice.value);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", plot.redraw);
}

function theme(name) {
  localStorage.setItem("theme", name);
  document.documentElement.dataset.theme = name;
  plot.redraw();
}

/** Show what the state says, in the part of the page that is open. */
function show() {
  write();
  find("#toolbar").hidden = !state.point;
  for (const radio of document.querySelectorAll('input[name="point"]'))
    radio.checked = radio.value === state.point?.meteringPointId;
  if (state.tab === "calls") calls.show(contract, { demo, state: () => state });
  else if (state.point) showPlot();
}

function showPlot() {
  const { point, direction, view, day } = state;
  find("#point-name").textContent = point.name ?? point.meteringPointId;
  for (const [name, chosen] of Object.entries({ direction, view })) {
    for (const radio of document.querySelectorAll(`input[name="${name}"]`)) {
      radio.checked = radio.value === chosen;
      if (name === "direction")
        radio.disabled = !point.directions.includes(radio.value) && radio.value !== chosen;
    }
  }
  find("#day").value = day;
  find("#next").disabled = Boolean(state.until) && calendar.period(view, day).to > state.until;
  find("#previous").setAttribute("aria-label", `Previous ${view}`);
  find("#next").setAttribute("aria-label", `Next ${view}`);
  plot.show(state, { demo, go });
}

start();
