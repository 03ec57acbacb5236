/** Who may read the metering points of a customer: the API answers that to the customer's own contacts. */

import * as api from "./api.js";
import * as calendar from "./calendar.js";
import { disclosure, fill, h } from "./dom.js";
import { behind } from "./exchange.js";
import { t } from "./language.js";
import * as problems from "./problems.js";
import { decoded } from "./texts.js";

const KINDS = { app: t("Application"), user: t("Person") };
const REASONS = {
  application: t("registered with the customer"),
  "contact-person": t("contact of the customer"),
};

/** A part for each customer of [{ customerNumber, name }]; persons find theirs open. */
export function section(customers, scene) {
  return h(
    "section",
    { class: "card", id: "readers", "aria-labelledby": "readers-title" },
    h("h2", { id: "readers-title" }, t("Who may read")),
    customers.map(({ customerNumber, name }) =>
      disclosure(`${name} (${customerNumber})`, () => readers(customerNumber, scene), {
        open: scene.caller.kind === "user",
      }),
    ),
  );
}

function readers(customerNumber, scene) {
  const host = h("div", { "aria-busy": "true" });
  ask(host, `/customers/${customerNumber}/readers`, scene);
  return host;
}

async function ask(host, path, { demo, caller, pretence }) {
  const again = () => ask(host, path, { demo, caller, pretence });
  try {
    const record = await api.call(demo, caller, path, { pretence });
    fill(
      host,
      record.status === 200 ? list(record, demo) : problems.answered(record, { again }),
      behind(record, { demo, caller, pretence }),
    );
  } catch (error) {
    fill(host, problems.failed(error, { again }));
  } finally {
    host.removeAttribute("aria-busy");
  }
}

function list({ json, token }, demo) {
  const own = decoded(token).claims.oid;
  return h(
    "ul",
    { class: "entries" },
    json.readers.map((reader) => h("li", { class: "entry" }, described(reader, { own, demo }))),
  );
}

function described({ type, id, name, from, to, since, by }, { own, demo }) {
  // The demo world knows its applications by name; the API knows them by their id.
  const known = demo.callers.find(({ kind, clientId }) => kind === "app" && clientId === id)?.name;
  return [
    h(
      "div",
      { class: "entry-head" },
      h("strong", {}, name ?? known ?? KINDS[type] ?? type),
      h("span", { class: "tag" }, id === own ? t("you") : (KINDS[type] ?? type)),
      h("code", { class: "quiet" }, id),
    ),
    h(
      "p",
      { class: "quiet" },
      [
        REASONS[by] ?? by,
        t("access given {day}", { day: calendar.short(since.slice(0, 10), { year: true }) }),
        period(from, to),
      ].join(" · "),
    ),
  ];
}

/** The market days that may be read; `to` is the first one no longer. */
function period(from, to) {
  const text = (day) => calendar.short(day, { year: true });
  if (!from && !to) return t("all days");
  if (!to) return t("days from {from}", { from: text(from) });
  const last = text(calendar.addDays(to, -1));
  return from ? t("days {from} to {last}", { from: text(from), last }) : t("days up to {last}", { last });
}
