/** Files made on request: ask for an export, follow it, and save what it holds. */

import * as api from "../api.js";
import * as calendar from "../calendar.js";
import { fill, find, h, save } from "../dom.js";
import { exchange } from "../exchange.js";
import { number, t } from "../language.js";
import * as points from "../points.js";
import * as problems from "../problems.js";
import { size } from "../texts.js";

const STATUS = {
  waiting: t("waiting"),
  running: t("running"),
  finished: t("finished"),
  failed: t("failed"),
  expired: t("expired"),
};
const GOING_ON = ["waiting", "running"];
/** Exports that are listed; the API keeps a week of them. */
const SHOWN = 20;
const DIRECTIONS = { consumption: t("Consumption"), production: t("Production") };
const LAYOUTS = { rows: t("a row for each value"), wide: t("a column for each metering point") };
const RESOLUTIONS = {
  PT15M: t("15 minutes"),
  PT1H: t("hours"),
  P1D: t("days"),
  P1M: t("months"),
  P1Y: t("years"),
};

let asking = null;

/** Show the form and the caller's exports. `state.chosen` may say what the form begins with. */
export async function show(state, { demo, contract }) {
  const own = (asking = {});
  const host = find("#files");
  const caller = { demo, caller: state.caller, pretence: state.pretence };
  const made = h("div", { class: "made" });
  const list = h("div", {});
  const isCurrent = () => asking === own && !host.closest("[hidden]");
  const refresh = () => exports(list, { ...caller, isCurrent });
  fill(
    host,
    h(
      "section",
      { class: "card", "aria-labelledby": "export-title" },
      h("h2", { id: "export-title" }, t("Make files")),
      h("p", {}, t("All files of an export show the same moment. They are kept for a week.")),
      form(state, { ...caller, contract, made, refresh }),
      made,
    ),
    h(
      "section",
      { class: "card", "aria-labelledby": "exports-title" },
      h("h2", { id: "exports-title" }, t("Your exports")),
      list,
    ),
  );
  host.setAttribute("aria-busy", "true");
  await refresh();
  host.removeAttribute("aria-busy");
}

function form(state, { demo, caller, pretence, contract, made, refresh }) {
  const schemas = contract.components.schemas;
  const chosen = {
    from: `${state.until.slice(0, 7)}-01`,
    to: calendar.addDays(state.until, 1),
    ...state.chosen,
  };
  const choice = (id, options, value) =>
    h(
      "select",
      { id },
      options.map(([name, text]) => h("option", { value: name, selected: name === value }, text)),
    );
  const words = (values, texts) => values.map((value) => [value, texts[value] ?? value]);
  const controls = {
    what: choice(
      "export-points",
      [
        ["", t("All metering points")],
        ...state.points.map((point) => [point.meteringPointId, points.name(point)]),
      ],
      state.chosen ? state.point?.meteringPointId : "",
    ),
    direction: choice(
      "export-direction",
      [["", t("Both directions")], ...Object.entries(DIRECTIONS)],
      state.chosen ? state.direction : "consumption",
    ),
    from: h("input", { id: "export-from", type: "date", value: chosen.from, required: true }),
    to: h("input", { id: "export-to", type: "date", value: chosen.to, required: true }),
    resolution: choice(
      "export-resolution",
      [["", t("as stored")], ...words(schemas.Resolution.enum, RESOLUTIONS)],
      "",
    ),
    format: choice("export-format", words(schemas.FileFormat.enum, {}), chosen.format),
    layout: choice("export-layout", [["", t("as usual")], ...words(schemas.FileLayout.enum, LAYOUTS)], ""),
    compression: choice(
      "export-compression",
      [["", t("as usual")], ...words(schemas.Compression.enum, {})],
      "",
    ),
  };
  const send = async (event) => {
    event?.preventDefault();
    made.setAttribute("aria-busy", "true");
    try {
      const json = request(controls);
      const record = await api.call(demo, caller, "/exports", { method: "POST", json, pretence });
      const problem =
        record.status >= 400
          ? problems.answered(record, { again: send })
          : h(
              "p",
              { class: "outcome", role: "status" },
              t("Export {id} is on its way.", { id: record.json.exportId }),
            );
      const behind = h(
        "details",
        {},
        h("summary", {}, t("Behind this call")),
        exchange(record, { demo, caller, pretence }),
      );
      fill(made, problem, behind);
      await refresh();
    } catch (error) {
      fill(made, problems.failed(error, { again: send }));
    } finally {
      made.removeAttribute("aria-busy");
    }
  };
  const field = (name, control, hint = null) =>
    h(
      "div",
      { class: "field" },
      h("label", { for: control.id }, name),
      control,
      hint && h("p", { class: "hint" }, hint),
    );
  return h(
    "form",
    { onsubmit: send },
    field(t("Metering points"), controls.what),
    field(t("Direction"), controls.direction),
    field(t("From"), controls.from),
    field(t("To"), controls.to, t("This day is not included.")),
    field(t("Resolution"), controls.resolution),
    field(t("Format"), controls.format),
    field(t("Layout"), controls.layout),
    field(t("Compression"), controls.compression),
    h("p", {}, h("button", { type: "submit", class: "primary" }, t("Make files"))),
  );
}

/** The body of the request; what is left as usual is not sent. */
function request({ what, direction, from, to, resolution, format, layout, compression }) {
  return {
    directions: direction.value ? [direction.value] : Object.keys(DIRECTIONS),
    ...(what.value && { meteringPointIds: [what.value] }),
    from: from.value,
    to: to.value,
    ...(resolution.value && { resolution: resolution.value }),
    form: {
      format: format.value,
      ...(layout.value && { layout: layout.value }),
      ...(compression.value && { compression: compression.value }),
    },
  };
}

/** List the exports, and ask again for those that are not finished for as long as `isCurrent` says. */
async function exports(list, { demo, caller, pretence, isCurrent }) {
  const ask = (path) => api.call(demo, caller, path, { pretence });
  const again = () => exports(list, { demo, caller, pretence, isCurrent });
  try {
    const page = await ask(`/exports?limit=${SHOWN}`);
    if (page.status !== 200) throw new api.Refused(page);
    const records = await Promise.all(page.json.exports.map(({ exportId }) => ask(`/exports/${exportId}`)));
    if (!isCurrent()) return;
    // One that was deleted meanwhile is left out.
    const found = records.filter(({ status }) => status === 200).map(({ json }) => json);
    const remove = async (id) => {
      await api.call(demo, caller, `/exports/${id}`, { method: "DELETE", pretence });
      await again();
    };
    fill(
      list,
      found.length === 0
        ? h("p", { class: "quiet" }, t("There are none yet."))
        : h(
            "ul",
            { class: "exports" },
            found.map((each) =>
              h("li", { class: "export" }, described(each, { demo, caller, pretence, remove })),
            ),
          ),
    );
    const waits = records.map((record) => Number(record.header("Retry-After") ?? 0));
    if (found.some(({ status }) => GOING_ON.includes(status)))
      setTimeout(() => isCurrent() && again(), Math.max(1, Math.min(...waits.filter(Boolean), 5)) * 1000);
  } catch (error) {
    fill(list, problems.failed(error, { again }));
  }
}

function described(each, { demo, caller, pretence, remove }) {
  const { exportId, status, createdAt, asOf, progress, problem, files } = each;
  const said = h("div", { class: "said", role: "status" });
  return [
    h(
      "div",
      { class: "export-head" },
      h("code", {}, exportId),
      h("span", { class: `state ${status}` }, STATUS[status] ?? status),
      GOING_ON.includes(status) && progress.of ? bar(progress) : null,
      h(
        "button",
        {
          type: "button",
          class: "small",
          "aria-label": `${t("Delete")}: ${exportId}`,
          onclick: () => remove(exportId),
        },
        t("Delete"),
      ),
    ),
    h(
      "p",
      { class: "quiet" },
      t("Asked for {when}; shows the data of {asOf}.", { when: moment(createdAt), asOf: moment(asOf) }),
    ),
    problem ? h("p", { class: "bad", lang: "en" }, `${problem.code}: ${problem.detail}`) : null,
    files.length
      ? h(
          "ul",
          { class: "files" },
          files.map((file) => h("li", {}, entry(file, { demo, caller, pretence, said }))),
        )
      : null,
    said,
  ];
}

function bar({ days, of }) {
  return h("progress", {
    max: of,
    value: days,
    "aria-label": t("{days} of {of} days", { days: number(days), of: number(of) }),
  });
}

function entry({ name, bytes, rows, sha256, href }, { demo, caller, pretence, said }) {
  const download = async () => {
    fill(said, t("Asking for the file …"));
    try {
      const path = href.slice(demo.api.length);
      save(await api.linked(demo, caller, path, { pretence }), name);
      fill(said, t("Saved as {name}.", { name }));
    } catch (error) {
      fill(said, problems.failed(error, { again: download }));
    }
  };
  return [
    h("button", { type: "button", class: "link", onclick: download }, name),
    h("span", { class: "quiet" }, t("{size}, {rows} rows", { size: size(bytes), rows: number(rows) })),
    h("code", { class: "quiet hash", title: sha256 }, `SHA-256 ${sha256.slice(0, 12)}…`),
  ];
}

function moment(text) {
  const at = Date.parse(text);
  return t("{day} at {time}", { day: calendar.short(calendar.dayOf(at)), time: calendar.clock(at) });
}
