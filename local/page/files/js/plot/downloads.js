/** What is shown, as a file: asked for from the API, and kept by the browser. */

import * as api from "../api.js";
import { fill, h, save } from "../dom.js";
import { t } from "../language.js";
import * as problems from "../problems.js";
import { yearBefore } from "./pairs.js";

/** The parameters that make each kind of file. */
const KINDS = [
  { text: "CSV", ending: "csv", parameters: { format: "csv" } },
  { text: t("CSV for Excel"), ending: "csv", parameters: { format: "csv", csv: "norwegian" } },
  { text: "Excel", ending: "xlsx", parameters: { format: "xlsx" } },
];

/** Buttons that download the series or the completeness that is shown. */
export function ofPoint(state, period, { demo, contract, go }) {
  const { point, direction } = state;
  const request = requestOf(state, period);
  const { from, to } = request.parameters;
  const chosen = { point: point.meteringPointId, direction, from, to, format: "parquet" };
  return buttons([request], { caller: { demo, ...state }, contract, order: () => go(exportOf(chosen)) });
}

/** Buttons that download the totals of [from, to), and as a workbook the days of each metering point. */
export function ofPortfolio(state, { from, to }, { demo, contract, go }) {
  const parameters = { from, to, resolution: "P1D" };
  const requests = [
    { path: "/consumption/total", parameters, name: `total-consumption_${from}_${to}` },
    { path: "/consumption", parameters, name: `consumption_${from}_${to}` },
  ];
  const order = () => go(exportOf({ from, to, format: "parquet" }));
  return buttons(requests, { caller: { demo, ...state }, contract, order });
}

/** The change of the page's state that opens the form of exports with what was chosen. */
function exportOf(chosen) {
  return { tab: "files", files: "exports", chosen };
}

/** The call whose answer is what the chart shows, and the name of its file. */
function requestOf({ point, direction, view }, { from, to }) {
  const { meteringPointId } = point;
  if (view === "completeness")
    return {
      path: "/completeness",
      parameters: { meteringPointId, from, to },
      name: `${meteringPointId}_completeness_${from}_${to}`,
    };
  const first = view === "years" ? yearBefore(from) : from;
  const resolution = { month: "P1D", year: "PT1H", years: "P1M" }[view];
  return {
    path: `/metering-points/${meteringPointId}/${direction}`,
    parameters: { from: first, to, ...(resolution && { resolution }) },
    name: `${meteringPointId}_${direction}_${first}_${to}`,
  };
}

/** A button for each kind of file, which the first of the requests makes that offers it, and one for Parquet. */
function buttons(requests, { caller, contract, order }) {
  const message = h("div", { class: "message", role: "status" });
  const offered = KINDS.map((kind) => ({
    ...kind,
    request: requests.find(({ path }) => offers(contract, path, kind.parameters.format)),
  })).filter(({ request }) => request);
  const small = (text, onclick) => h("button", { type: "button", class: "small", onclick }, text);
  return h(
    "div",
    { class: "downloads", role: "group", "aria-label": t("Download") },
    h("span", { class: "downloads-title" }, t("Download")),
    offered.map((kind) => small(kind.text, () => download(kind, { caller, message }))),
    small(t("Parquet …"), order),
    message,
  );
}

async function download(kind, { caller: { demo, caller, pretence }, message }) {
  const { request, parameters, ending } = kind;
  fill(message, t("Asking for the file …"));
  try {
    const record = await api.call(demo, caller, request.path, {
      parameters: { ...request.parameters, ...parameters },
      pretence,
    });
    if (record.status !== 200) throw new api.Refused(record);
    const name = `${request.name}.${ending}`;
    save(record.file, name);
    fill(message, t("Saved as {name}.", { name }));
  } catch (error) {
    const again = () => download(kind, { caller: { demo, caller, pretence }, message });
    fill(message, problems.failed(error, { again }));
  }
}

/** Whether the operation's OpenAPI description has the format. */
function offers(contract, path, format) {
  const template = path.replace(/\d{18}/, "{meteringPointId}");
  const parameters = contract.paths[template].get.parameters.map((each) => api.resolved(contract, each));
  const described = parameters.find(({ name }) => name === "format");
  return api.resolved(contract, described.schema).enum.includes(format);
}
