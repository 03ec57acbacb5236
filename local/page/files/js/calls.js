/** Any operation of the OpenAPI document as a form: fill in, send, read the answer. */

import * as api from "./api.js";
import { fill, find, h } from "./dom.js";
import { exchange } from "./exchange.js";
import { t } from "./language.js";
import * as problems from "./problems.js";

/** What was typed, by operation, so that nothing is lost between two of them. */
const typed = new Map();
/** What a path may name, of the metering point that is shown. */
const OF_POINT = {
  meteringPointId: (shown) => shown?.meteringPointId,
  customerNumber: (shown) => shown?.customerNumber,
};
let current = null;
let point = null;

/** The list of operations; the chosen one opens with its form. `state` gives caller and metering point. */
export function show(contract, { demo, state }) {
  if (state().point !== point)
    for (const kept of typed.values()) for (const name in OF_POINT) delete kept[`path:${name}`];
  point = state().point;
  const operations = Object.entries(contract.paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([method]) => method === "get")
      .map(([, operation]) => ({ path, ...operation })),
  );
  const buttons = operations.map((operation) =>
    h(
      "button",
      { type: "button", onclick: () => choose(operation) },
      h("code", {}, operation.path),
      h("span", { lang: "en" }, operation.summary),
    ),
  );
  // A narrow window has no room for a list beside the form.
  const list = h(
    "select",
    { id: "operation-choice", onchange: () => choose(operations[list.selectedIndex]) },
    operations.map(({ path }) => h("option", {}, path)),
  );
  const choose = (operation) => {
    current = operation.operationId;
    list.selectedIndex = operations.indexOf(operation);
    buttons.forEach((button, place) =>
      button.setAttribute("aria-current", String(operations[place] === operation)),
    );
    open(operation, contract, { demo, state });
  };
  fill(
    find("#operations"),
    h(
      "ul",
      {},
      buttons.map((button) => h("li", {}, button)),
    ),
    h("div", { class: "choice" }, h("label", { for: "operation-choice" }, t("Operation")), list),
  );
  choose(operations.find(({ operationId }) => operationId === current) ?? operations[0]);
}

function open(operation, contract, { demo, state }) {
  const parameters = (operation.parameters ?? [])
    .map((parameter) => api.resolved(contract, parameter))
    .filter((parameter) => parameter.in !== "header");
  const kept = typed.get(operation.operationId) ?? {};
  typed.set(operation.operationId, kept);
  const answer = h("div", { id: "answer" });
  const etag = h("input", {
    id: "if-none-match",
    name: "if-none-match",
    autocomplete: "off",
    spellcheck: "false",
  });
  const accept = h(
    "select",
    { id: "accept" },
    ["application/json", ...mediaTypes(operation)]
      .filter((type, place, all) => all.indexOf(type) === place)
      .map((type) => h("option", {}, type)),
  );
  const send = async (event) => {
    event?.preventDefault();
    const caller = state();
    await ask(operation, parameters, kept, { demo, ...caller, answer, etag, accept: accept.value, send });
  };
  fill(
    find("#operation"),
    h("h2", { lang: "en" }, operation.summary),
    h("p", { lang: "en" }, prose(operation.description ?? "")),
    h(
      "form",
      { onsubmit: send, novalidate: true },
      parameters.map((parameter) => field(parameter, contract, kept)),
      extra(kept),
      h(
        "details",
        { class: "headers" },
        h("summary", {}, t("Headers")),
        h("div", { class: "field" }, h("label", { for: "accept" }, "Accept"), accept),
        h(
          "div",
          { class: "field" },
          h("label", { for: "if-none-match" }, "If-None-Match"),
          etag,
          h(
            "p",
            { class: "hint" },
            t(
              "The ETag of the answer before: 304 when it is still good. Filled in after each answer; empty is not sent.",
            ),
          ),
        ),
      ),
      h("p", {}, h("button", { type: "submit", class: "primary" }, t("Send"))),
    ),
    answer,
  );
}

function mediaTypes(operation) {
  return Object.keys(operation.responses?.["200"]?.content ?? {});
}

function field(parameter, contract, kept) {
  const id = `parameter-${parameter.name}`;
  const schema = api.resolved(contract, parameter.schema ?? {});
  const value = given(kept, parameter);
  const keep = ({ target }) => (kept[key(parameter)] = target.value);
  const described = `${id}-hint`;
  const common = { id, name: parameter.name, "aria-describedby": described, oninput: keep, onchange: keep };
  const choices = schema.enum ?? api.resolved(contract, schema.items ?? {}).enum;
  const control = choices
    ? h(
        "select",
        common,
        ["", ...choices].map((choice) =>
          h("option", { value: choice, selected: value === choice }, choice || t("(left out)")),
        ),
      )
    : schema.type === "array"
      ? h("textarea", { ...common, rows: 2, spellcheck: "false" }, value)
      : h("input", { ...common, value, autocomplete: "off", spellcheck: "false" });
  const required = parameter.required || parameter.in === "path";
  return h(
    "div",
    { class: "field" },
    h(
      "label",
      { for: id },
      h("code", {}, parameter.name),
      required ? h("span", { class: "required" }, ` ${t("required")}`) : null,
    ),
    control,
    h(
      "p",
      { class: "hint", id: described },
      h("span", { lang: "en" }, prose(parameter.description ?? "")),
      schema.type === "array" ? ` ${t("One on each line.")}` : "",
    ),
  );
}

function key(parameter) {
  return `${parameter.in}:${parameter.name}`;
}

/** What was typed, else a first value, so that an operation can be sent at once. */
function given(kept, parameter) {
  return kept[key(parameter)] ?? suggestion(parameter);
}

function suggestion({ name, in: place, example }) {
  if (name in OF_POINT && place === "path") return String(OF_POINT[name](point) ?? "");
  return (name === "from" || name === "to") && example ? String(example) : "";
}

function extra(kept) {
  const keep = ({ target }) => (kept[""] = target.value);
  return h(
    "div",
    { class: "field" },
    h("label", { for: "extra" }, t("More of the query")),
    h("input", {
      id: "extra",
      value: kept[""] ?? "",
      oninput: keep,
      autocomplete: "off",
      spellcheck: "false",
      "aria-describedby": "extra-hint",
    }),
    h(
      "p",
      { class: "hint", id: "extra-hint" },
      t("Sent as it is, to see how the API answers a parameter that it does not know:"),
      " ",
      h("code", {}, "unit=MWh"),
    ),
  );
}

async function ask(operation, parameters, kept, { demo, caller, pretence, answer, etag, accept, send }) {
  const value = (parameter) => given(kept, parameter).trim();
  const inPath = new Map(parameters.map((parameter) => [parameter.name, parameter]));
  const path = operation.path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(value(inPath.get(name))));
  const inQuery = parameters.filter((parameter) => parameter.in === "query");
  const query = Object.fromEntries(
    inQuery.map((parameter) => [
      parameter.name,
      parameter.schema?.type === "array" ? value(parameter).split(/\s+/) : value(parameter),
    ]),
  );
  for (const [name, value] of new URLSearchParams(kept[""] ?? "")) query[name] = value;
  const headers = { Accept: accept, ...(etag.value && { "If-None-Match": etag.value }) };
  answer.setAttribute("aria-busy", "true");
  try {
    const record = await api.call(demo, caller, path, { parameters: query, headers, pretence });
    etag.value = record.header("ETag") ?? "";
    fill(answer, outcome(record, send), exchange(record, { demo, caller, pretence }));
  } catch (error) {
    fill(answer, problems.failed(error, { again: send }));
  } finally {
    answer.removeAttribute("aria-busy");
    answer.scrollIntoView({ block: "nearest" });
  }
}

function outcome(record, again) {
  if (record.status >= 400) return problems.answered(record, { again });
  const text =
    record.status === 304
      ? t("304 Not Modified: the answer before is still good.")
      : t("{status} {reason} after {milliseconds} ms", record);
  return h("p", { class: "outcome", role: "status" }, h("strong", { class: "good" }, text));
}

/** Text with `code` in backticks. */
function prose(text) {
  return text.split("`").map((part, place) => (place % 2 ? h("code", {}, part) : part));
}
