/** Exports: files made once, on request. Ask for one, follow it, and save what it holds. */

import * as api from "../api.js";
import * as calendar from "../calendar.js";
import { fill, h, refill } from "../dom.js";
import { number, t } from "../language.js";
import * as points from "../points.js";
import * as problems from "../problems.js";
import { size } from "../texts.js";
import { button, perform } from "./action.js";
import { RESOLUTIONS, choice, direction, directions, field, words } from "./form.js";
import { listing } from "./listing.js";

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
const LAYOUTS = { rows: t("a row for each value"), wide: t("a column for each metering point") };

/** Show the form and the caller's exports in `host`. `state.chosen` may say what the form begins with. */
export async function show(host, state, { demo, contract }) {
  const caller = { demo, caller: state.caller, pretence: state.pretence };
  const answer = h("div", { class: "answer" });
  const list = h("div", {});
  const refresh = () => exports(list, { caller, answer });
  fill(
    host,
    h(
      "section",
      { class: "card", "aria-labelledby": "export-title" },
      h("h2", { id: "export-title" }, t("Make files")),
      h("p", {}, t("All files of an export show the same moment. They are kept for a week.")),
      form(state, { caller, contract, answer, refresh }),
      answer,
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

function form(state, { caller, contract, answer, refresh }) {
  const schemas = contract.components.schemas;
  const chosen = {
    point: "",
    direction: "consumption",
    from: `${state.until.slice(0, 7)}-01`,
    to: calendar.addDays(state.until, 1),
    ...state.chosen,
  };
  const controls = {
    what: choice(
      "export-points",
      [
        ["", t("All metering points")],
        ...state.points.map((point) => [point.meteringPointId, points.name(point)]),
      ],
      chosen.point,
    ),
    direction: direction("export-direction", chosen.direction),
    from: h("input", { id: "export-from", type: "date", value: chosen.from, required: true }),
    to: h("input", { id: "export-to", type: "date", value: chosen.to, required: true }),
    resolution: choice("export-resolution", [
      ["", t("as stored")],
      ...words(schemas.Resolution.enum, RESOLUTIONS),
    ]),
    format: choice("export-format", words(schemas.FileFormat.enum, {}), chosen.format),
    layout: choice("export-layout", [["", t("as usual")], ...words(schemas.FileLayout.enum, LAYOUTS)]),
    compression: choice("export-compression", [
      ["", t("as usual")],
      ...words(schemas.Compression.enum, {}),
    ]),
  };
  const send = async (event) => {
    event?.preventDefault();
    await perform(answer, caller, {
      method: "POST",
      path: "/exports",
      json: request(controls),
      again: send,
      outcome: ({ json }) => t("Export {id} is on its way.", { id: json.exportId }),
    });
    await refresh();
  };
  return h(
    "form",
    { onsubmit: send },
    field(t("Metering points"), controls.what),
    field(t("Direction"), controls.direction),
    field(t("From"), controls.from),
    field(t("To"), controls.to, { hint: t("This day is not included.") }),
    field(t("Resolution"), controls.resolution),
    field(t("Format"), controls.format),
    field(t("Layout"), controls.layout),
    field(t("Compression"), controls.compression),
    h("p", {}, h("button", { type: "submit", class: "primary" }, t("Make files"))),
  );
}

/** The body of the request; what is left as usual is not sent. */
function request({ what, direction: chosen, from, to, resolution, format, layout, compression }) {
  return {
    directions: directions(chosen),
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

/**
 * List the exports, and ask again for those that are not finished for as long as the list is seen. What comes of
 * deleting one is shown in `answer`.
 */
async function exports(list, { caller, answer }) {
  const isSeen = () => list.isConnected && !list.closest("[hidden]");
  const ask = (path) => api.call(caller.demo, caller.caller, path, { pretence: caller.pretence });
  const again = () => exports(list, { caller, answer });
  try {
    const page = await ask(`/exports?limit=${SHOWN}`);
    if (page.status !== 200) throw new api.Refused(page);
    const records = await Promise.all(page.json.exports.map(({ exportId }) => ask(`/exports/${exportId}`)));
    if (!isSeen()) return;
    // One that was deleted meanwhile is left out.
    const kept = records.filter(({ status }) => status === 200).map(({ json }) => json);
    const remove = async (id) => {
      await perform(answer, caller, {
        method: "DELETE",
        path: `/exports/${id}`,
        again: () => remove(id),
        outcome: () => t("Export {id} is deleted.", { id }),
      });
      await again();
    };
    refill(
      list,
      kept.length === 0
        ? h("p", { class: "quiet" }, t("There are none yet."))
        : h(
            "ul",
            { class: "entries" },
            kept.map((each) => h("li", { class: "entry" }, described(each, { caller, remove }))),
          ),
    );
    const waits = records.map((record) => Number(record.header("Retry-After") ?? 0));
    if (kept.some(({ status }) => GOING_ON.includes(status)))
      setTimeout(() => isSeen() && again(), Math.max(1, Math.min(...waits.filter(Boolean), 5)) * 1000);
  } catch (error) {
    fill(list, problems.failed(error, { again }));
  }
}

function described(each, { caller, remove }) {
  const { exportId, status, createdAt, asOf, progress, problem, files } = each;
  return [
    h(
      "div",
      { class: "entry-head" },
      h("code", {}, exportId),
      h("span", { class: `state ${status}` }, STATUS[status] ?? status),
      GOING_ON.includes(status) && progress.of ? bar(progress) : null,
      button(t("Delete"), exportId, () => remove(exportId)),
    ),
    h(
      "p",
      { class: "quiet" },
      t("Asked for {when}; shows the data of {asOf}.", {
        when: calendar.dayAndTime(createdAt),
        asOf: calendar.dayAndTime(asOf),
      }),
    ),
    problem ? h("p", { class: "bad", lang: "en" }, `${problem.code}: ${problem.detail}`) : null,
    files.length ? listing(files, facts, caller) : null,
    status === "finished" && files.length === 0
      ? h("p", {}, t("No values in this period, so there are no files."))
      : null,
  ];
}

function bar({ days, of }) {
  return h("progress", {
    max: of,
    value: days,
    "aria-label": t("{days} of {of} days", { days: number(days), of: number(of) }),
  });
}

function facts({ bytes, rows }) {
  return t("{size}, {rows} rows", { size: size(bytes), rows: number(rows) });
}
