/** What is shown, as a file: asked for from the API, and kept by the browser. */

import * as api from "../api.js";
import { fill, h, save } from "../dom.js";
import { t } from "../language.js";
import * as problems from "../problems.js";

/** The parameters that make each kind of file. */
const KINDS = {
  csv: { text: "CSV", ending: "csv", parameters: { format: "csv" } },
  excelCsv: { text: t("CSV for Excel"), ending: "csv", parameters: { format: "csv", csv: "norwegian" } },
  xlsx: { text: "Excel", ending: "xlsx", parameters: { format: "xlsx" } },
};

/** Buttons that download the series or the completeness that is shown. */
export function buttons({ state, period, demo, contract, go }) {
  const said = h("div", { class: "said", role: "status" });
  const offered = Object.values(KINDS).filter(({ parameters }) =>
    offers(contract, request(state, period), parameters),
  );
  const download = async (kind) => {
    fill(said, t("Asking for the file …"));
    const { path, parameters } = request(state, period);
    try {
      const record = await api.call(demo, state.caller, path, {
        parameters: { ...parameters, ...kind.parameters },
        pretence: state.pretence,
      });
      if (record.status !== 200) throw new api.Refused(record);
      const name = `${state.point.meteringPointId}_${state.direction}_${period.from}_${period.to}.${kind.ending}`;
      save(record.file, name);
      fill(said, t("Saved as {name}.", { name }));
    } catch (error) {
      fill(said, problems.failed(error, { again: () => download(kind) }));
    }
  };
  return h(
    "div",
    { class: "downloads", role: "group", "aria-label": t("Download") },
    h("span", { class: "downloads-title" }, t("Download")),
    offered.map((kind) =>
      h("button", { type: "button", class: "small", onclick: () => download(kind) }, kind.text),
    ),
    Object.hasOwn(contract.paths, "/exports")
      ? h(
          "button",
          {
            type: "button",
            class: "small",
            onclick: () =>
              go({ tab: "files", chosen: { from: period.from, to: period.to, format: "parquet" } }),
          },
          t("Parquet …"),
        )
      : null,
    said,
  );
}

/** The call whose answer is what the chart shows. */
function request({ point, direction, view }, { from, to }) {
  if (view === "completeness")
    return { path: "/completeness", parameters: { meteringPointId: point.meteringPointId, from, to } };
  const resolution = { month: "P1D", years: "P1M" }[view];
  return {
    path: `/metering-points/${point.meteringPointId}/${direction}`,
    parameters: { from, to, ...(resolution && { resolution }) },
  };
}

/** Whether the operation's OpenAPI description has the format. */
function offers(contract, { path }, { format }) {
  const template = path.replace(/\d{18}/, "{meteringPointId}");
  const parameters = contract.paths[template].get.parameters.map((each) => api.resolved(contract, each));
  const described = parameters.find(({ name }) => name === "format");
  return api.resolved(contract, described.schema).enum.includes(format);
}
