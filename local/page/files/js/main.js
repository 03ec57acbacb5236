/** The page as a whole: who calls, which part is open, and what it shows. */

import * as address from "./address.js";
import * as api from "./api.js";
import * as calendar from "./calendar.js";
import * as calls from "./calls.js";
import { fill, find, h, tabs } from "./dom.js";
import * as files from "./outgoing/files.js";
import { LANGUAGES, current, t, translate } from "./language.js";
import * as overview from "./overview.js";
import * as plot from "./plot/plot.js";
import * as toolbar from "./plot/toolbar.js";
import * as points from "./points.js";
import * as problems from "./problems.js";
import * as webhooks from "./outgoing/webhooks.js";

const TABS = {
  overview: t("Overview"),
  series: t("Series"),
  files: t("Files"),
  webhooks: t("Webhooks"),
  calls: t("Try calls"),
};
const THEMES = { auto: t("As the system"), light: t("Light"), dark: t("Dark") };

/**
 * tab, files, caller, pretence, points, point, direction, view, day, until; chosen: what the form of exports begins
 * with
 */
const state = {
  pretence: "",
  points: [],
  direction: "consumption",
  view: "day",
  tab: "overview",
  files: "exports",
};
let demo;
let contract;
let entering;
/** Why the caller may read nothing: { problem, record }; null for others. */
let refused = null;

async function start() {
  translate(document);
  setUpLooks();
  try {
    [demo, contract] = await Promise.all([api.world(), api.openapi()]);
  } catch (error) {
    fill(find("main"), problems.failed(error, { again: () => location.reload() }));
    return;
  }
  const { callerName, ...given } = address.read(location.hash);
  Object.assign(state, given, {
    caller: demo.callers.find(({ name }) => name === callerName) ?? demo.callers[0],
  });
  setUpCaller();
  toolbar.setUp({ state: () => state, go });
  files.setUp({ go });
  setUpTabs();
  // A link to another state reloads the page; the link that skips to the content does not.
  addEventListener("hashchange", () => (location.hash === "#main" ? write() : location.reload()));
  listGuides();
  await enter();
}

async function listGuides() {
  const link = ({ name, title }) => h("li", {}, h("a", { href: `/pages/guides/${name}`, lang: "en" }, title));
  fill(find("#guides"), h("strong", {}, t("Guides")), h("ul", {}, (await api.guides()).map(link)));
}

function write() {
  history.replaceState(null, "", address.write(state));
}

function go(change) {
  Object.assign(state, change);
  if (state.point) state.direction = directionOf(state.point);
  show();
}

/** The direction that is shown, where the metering point has it, else one that it has. */
function directionOf({ directions }) {
  return directions.includes(state.direction) ? state.direction : (directions[0] ?? "consumption");
}

/** Look up what the caller may read, then show it. A later caller makes the answers for an earlier one void. */
async function enter() {
  const own = (entering = {});
  find("#main").setAttribute("aria-busy", "true");
  let readable;
  try {
    readable = await points.ask({ demo, ...state });
    const status = await api.call(demo, state.caller, "/status", { pretence: state.pretence });
    if (entering !== own) return;
    freshness(status.json ?? {});
  } catch (error) {
    if (entering !== own) return;
    refuse(problems.failed(error, { again: enter }), error.record ?? null);
    return;
  }
  refused = null;
  state.points = readable;
  state.until ??= calendar.dayOf(Date.now());
  state.day ??= state.until;
  state.point =
    readable.find(({ meteringPointId }) => meteringPointId === (state.point?.meteringPointId ?? state.wanted)) ??
    readable[0];
  toolbar.offer(readable);
  go({});
  find("#main").removeAttribute("aria-busy");
}

function refuse(problem, record) {
  refused = { problem, record };
  Object.assign(state, { points: [], point: undefined });
  fill(find("#freshness"));
  show();
  find("#main").removeAttribute("aria-busy");
}

function freshness({ dataAvailableUntil, lastPublishedAt }) {
  state.until = dataAvailableUntil ? calendar.dayOf(Date.parse(dataAvailableUntil) - 1) : undefined;
  const day =
    state.until &&
    calendar.written(state.until, { weekday: "short", day: "numeric", month: "short", year: "numeric" });
  fill(
    find("#freshness"),
    state.until ? [`${t("Data up to and with")} `, h("strong", {}, day)] : t("No data yet"),
    lastPublishedAt
      ? h(
          "span",
          { class: "published" },
          `, ${t("published")} `,
          h("time", { datetime: lastPublishedAt }, calendar.dayAndTime(lastPublishedAt)),
        )
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
  fill(select, group("app", t("Applications")), group("user", t("Users")));
  select.value = state.caller.name;
  const named = () => (find("#settings-caller").textContent = state.caller.displayName ?? state.caller.name);
  named();
  select.onchange = () => {
    state.caller = demo.callers.find(({ name }) => name === select.value);
    named();
    enter();
  };
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

function setUpTabs() {
  const names = Object.keys(TABS);
  const panels = names.map((name) => find(`#${name}`));
  for (const panel of panels) panel.hidden = false;
  if (!names.includes(state.tab)) state.tab = "overview";
  openTab = tabs(
    find("#tabs"),
    t("Parts of the page"),
    names.map((name, place) => [TABS[name], panels[place]]),
    { onchange: (place) => go({ tab: names[place] }) },
  );
}

/** Opens a tab by its place; set with the tabs. */
let openTab = () => {};

/** Colours and language, kept in the browser; in a narrow window they are behind a button. */
function setUpLooks() {
  theme(localStorage.getItem("theme") ?? "auto");
  const themes = find("#theme");
  const options = (choices, chosen) =>
    Object.entries(choices).map(([value, text]) => h("option", { value, selected: value === chosen }, text));
  fill(themes, options(THEMES, localStorage.getItem("theme")));
  themes.onchange = () => theme(themes.value);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  const languages = find("#language");
  fill(languages, options(LANGUAGES, current()));
  languages.onchange = () => {
    localStorage.setItem("language", languages.value);
    location.reload();
  };
  const button = find("#settings");
  button.onclick = () => {
    const open = button.getAttribute("aria-expanded") !== "true";
    button.setAttribute("aria-expanded", String(open));
    find("#controls").classList.toggle("open", open);
  };
}

function theme(name) {
  localStorage.setItem("theme", name);
  document.documentElement.dataset.theme = name;
  redraw();
}

function redraw() {
  plot.redraw();
  overview.redraw();
}

/** Show what the state says, in the part of the page that is open. */
function show() {
  write();
  openTab(Object.keys(TABS).indexOf(state.tab));
  find("#toolbar").hidden = find("#point-description").hidden = !state.point;
  if (state.tab === "calls") calls.show(contract, { demo, state: () => state });
  else if (refused) showRefusal();
  else if (!state.point) showNothing();
  else if (state.tab === "overview") overview.show(state, { demo, contract, go });
  else if (state.tab === "files") showFiles();
  else if (state.tab === "webhooks") webhooks.show(state, { demo, contract });
  else {
    toolbar.show(state);
    plot.show(state, { demo, contract, go });
  }
}

/** The refusal, with the call that says so; only the tab of a series shows what went over the wire. */
function showRefusal() {
  const { problem, record } = refused;
  state.tab = "series";
  openTab(Object.keys(TABS).indexOf("series"));
  plot.refuse(problem, record, { demo, state });
}

/** The form of exports begins with what a chart's button chose, once. */
function showFiles() {
  files.show(state, { demo, contract });
  state.chosen = undefined;
}

function showNothing() {
  fill(find("#overview"), h("p", { class: "card" }, t("This caller may read no metering point.")));
}

start();
