/** Any operation of the OpenAPI document as a form: fill in, send, read the answer. */

import * as api from "./api.js";
import { fill, find, h } from "./dom.js";
import { exchange } from "./exchange.js";
import * as problems from "./problems.js";

/** What was typed, by operation, so that nothing is lost between two of them. */
const typed = new Map();
let current = null;
let point = null;

/** The list of operations; the chosen one opens with its form. `state` gives caller and metering point. */
export function show(document, { demo, state }) {
  if (state().point !== point) for (const held of typed.values()) delete held["path:meteringPointId"];
  point = state().point;
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([method]) => method === "get")
      .map(([, operation]) => ({ path, ...operation })),
  );
  const buttons = operations.map((operation) =>
    h(
      "button",
      { type: "button", onclick: () => choose(operation) },
      h("code", {}, operation.path),
      h("span", {}, operation.summary),
    ),
  );
  const choose = (operation) => {
    current = operation.operationId;
    buttons.forEach((button, place) =>
      button.setAttribute("aria-current", String(operations[place] === operation)),
    );
    open(operation, document, { demo, state });
  };
  fill(
    find("#operations"),
    h(
      "ul",
      {},
      buttons.map((button) => h("li", {}, button)),
    ),
  );
  choose(operations.find(({ operationId }) => operationId === current) ?? operations[0]);
}

function open(operation, document, { demo, state }) {
  const parameters = (operation.parameters ?? [])
    .map((parameter) => resolved(document, parameter))
    .filter((parameter) => parameter.in !== "header");
  const held = typed.get(operation.operationId) ?? {};
  typed.set(operation.operationId, held);
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
    await ask(operation, parameters, held, { demo, ...caller, answer, etag, accept: accept.value, send });
  };
  fill(
    find("#operation"),
    h("h2", {}, operation.summary),
    h("p", {}, prose(operation.description ?? "")),
    h(
      "form",
      { onsubmit: send, novalidate: true },
      parameters.map((parameter) => field(parameter, document, held)),
      extra(held),
      h(
        "details",
        { class: "headers" },
        h("summary", {}, "Headers"),
        h("div", { class: "field" }, h("label", { for: "accept" }, "Accept"), accept),
        h(
          "div",
          { class: "field" },
          h("label", { for: "if-none-match" }, "If-None-Match"),
          etag,
          h(
            "p",
            { class: "hint" },
            "The ETag of an answer that you hold: 304 when it is still good. Filled in after each answer; empty is not sent.",
          ),
        ),
      ),
      h("p", {}, h("button", { type: "submit", class: "primary" }, "Send")),
    ),
    answer,
  );
}

function resolved(document, described) {
  return described.$ref
    ? described.$ref
        .split("/")
        .slice(1)
        .reduce((at, name) => at[name], document)
    : described;
}

function mediaTypes(operation) {
  return Object.keys(operation.responses?.["200"]?.content ?? {});
}

function field(parameter, document, held) {
  const id = `parameter-${parameter.name}`;
  const schema = resolved(document, parameter.schema ?? {});
  const value = given(held, parameter);
  const keep = ({ target }) => (held[key(parameter)] = target.value);
  const described = `${id}-hint`;
  const common = { id, name: parameter.name, "aria-describedby": described, oninput: keep, onchange: keep };
  const choices = schema.enum ?? resolved(document, schema.items ?? {}).enum;
  const control = choices
    ? h(
        "select",
        common,
        ["", ...choices].map((choice) =>
          h("option", { value: choice, selected: value === choice }, choice || "(left out)"),
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
      required ? h("span", { class: "required" }, " required") : null,
    ),
    control,
    h(
      "p",
      { class: "hint", id: described },
      prose(parameter.description ?? ""),
      schema.type === "array" ? " One on each line." : "",
    ),
  );
}

function key(parameter) {
  return `${parameter.in}:${parameter.name}`;
}

/** What was typed, else a first value, so that an operation can be sent at once. */
function given(held, parameter) {
  return held[key(parameter)] ?? suggestion(parameter);
}

function suggestion({ name, in: place, example }) {
  if (name === "meteringPointId" && place === "path") return point?.meteringPointId ?? "";
  return (name === "from" || name === "to") && example ? String(example) : "";
}

function extra(held) {
  const keep = ({ target }) => (held[""] = target.value);
  return h(
    "div",
    { class: "field" },
    h("label", { for: "extra" }, "More of the query"),
    h("input", {
      id: "extra",
      value: held[""] ?? "",
      oninput: keep,
      autocomplete: "off",
      spellcheck: "false",
      "aria-describedby": "extra-hint",
    }),
    h(
      "p",
      { class: "hint", id: "extra-hint" },
      "As it is sent, such as ",
      h("code", {}, "unit=MWh"),
      ": an unknown parameter is a fault, and this shows the answer.",
    ),
  );
}

async function ask(operation, parameters, held, { demo, caller, pretence, answer, etag, accept, send }) {
  const value = (parameter) => given(held, parameter).trim();
  const inPath = new Map(parameters.map((parameter) => [parameter.name, parameter]));
  const path = operation.path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(value(inPath.get(name))));
  const inQuery = parameters.filter((parameter) => parameter.in === "query");
  const query = Object.fromEntries(
    inQuery.map((parameter) => [
      parameter.name,
      parameter.schema?.type === "array" ? value(parameter).split(/\s+/) : value(parameter),
    ]),
  );
  for (const [name, value] of new URLSearchParams(held[""] ?? "")) query[name] = value;
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
  }
}

function outcome(record, again) {
  if (record.status >= 400) return problems.answered(record, { again });
  const text =
    record.status === 304
      ? "304 Not Modified: the answer that you hold is still good."
      : `${record.status} ${record.reason} after ${record.milliseconds} ms`;
  return h("p", { class: "outcome", role: "status" }, h("strong", { class: "good" }, text));
}

/** Text with `code` in backticks. */
function prose(text) {
  return text.split("`").map((part, place) => (place % 2 ? h("code", {}, part) : part));
}
