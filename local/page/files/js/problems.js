/** Problems (RFC 9457), shown so that a person sees what was wrong and what to do. */

import { TokenRefused, Unreachable } from "./api.js";
import { h } from "./dom.js";
import { duration } from "./texts.js";

const ADVICE = {
  "missing-subscription-key":
    "The gateway knows a subscriber by a key: send it in the header Ocp-Apim-Subscription-Key.",
  "invalid-subscription-key":
    "The key belongs to no active subscription. Copy it again from the developer portal, or ask for a new one.",
  "missing-token":
    "Fetch a token from the identity provider and send it in the header Authorization, after the word Bearer.",
  "invalid-token":
    "The token is not one for this API: ask for one with the scope of this API, from the right tenant.",
  "expired-token": "Tokens live for about an hour. Fetch a new one when the old one ends, and call again.",
  "missing-role":
    "The application has no role in this API. An administrator gives it Metering.Read in Entra, then a new token carries it.",
  "no-access":
    "The token is good, but nobody has given this caller a metering point. Access is given in Severa and synced every hour.",
  "not-found":
    "Look at GET /metering-points for what this caller may read. An unknown metering point and somebody else's get the same answer.",
  "unknown-path": "No operation has this path. The list of operations is under “Try calls”.",
  "method-not-allowed": "The header Allow names the methods of this path.",
  "not-acceptable": "Ask for a format that is offered: the parameter format, or the header Accept.",
  "invalid-parameter": "Each fault is named below, with what to write instead.",
  "rate-limit-exceeded":
    "The subscription has used up its calls of this minute. Wait as long as Retry-After says; RateLimit-Remaining shows what is left.",
  "quota-exceeded": "The subscription has used up its calls of this day.",
  "access-too-old":
    "Who may read what has not been confirmed for too long, so nobody is let in until the sync has run.",
};

const ADVICE_BY_STATUS = {
  400: "Look at the parameters.",
  401: "The gateway does not know who calls.",
  403: "The gateway knows who calls, and says no.",
  404: "There is nothing here for this caller.",
  410: "The data that this cursor points to is no longer kept: start again without it.",
  429: "Too many calls: wait, then call again.",
  500: "The fault is on the API's side. Quote the request id when you report it.",
  503: "The service cannot answer now. Wait as long as Retry-After says, then call again.",
};

/** An answer that is not a success; `again` calls once more, when the caller may. */
export function answered(record, { again }) {
  const problem = record.json?.code ? record.json : { title: record.reason || "No success", code: null };
  const wait = Number(record.header("Retry-After") ?? 0);
  return card(
    `${record.status} ${problem.title}`,
    h("p", {}, problem.detail ?? ""),
    h("p", { class: "advice" }, ADVICE[problem.code] ?? ADVICE_BY_STATUS[record.status] ?? ""),
    problem.errors ? faults(problem.errors) : null,
    h("p", { class: "facts" }, facts(problem)),
    countdown(wait, again),
  );
}

/** No answer at all: nobody listens, or there is no token. */
export function failed(error, { again }) {
  if (error instanceof TokenRefused) {
    return card(
      "No token",
      h("p", {}, error.message),
      h("p", { class: "advice" }, "The identity provider refused to issue one."),
      countdown(0, again),
    );
  }
  if (error instanceof Unreachable) {
    return card(
      "No answer",
      h("p", {}, error.message),
      h("p", { class: "advice" }, "Start it with python3 dev.py run, then try again."),
      countdown(0, again),
    );
  }
  throw error;
}

function card(title, ...content) {
  return h("section", { class: "problem", role: "alert" }, h("h2", {}, title), content);
}

function facts({ code, requestId }) {
  return [
    code ? ["code ", h("code", {}, code)] : [],
    requestId ? [" request id ", h("code", {}, requestId)] : [],
  ];
}

function faults(errors) {
  const rows = errors.map(({ parameter, code, message, hint }) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, h("code", {}, parameter)),
      h("td", {}, message, h("br"), h("code", { class: "quiet" }, code)),
      h("td", {}, hint),
    ),
  );
  const head = h(
    "tr",
    {},
    ["Parameter", "What is wrong", "What to write"].map((name) => h("th", { scope: "col" }, name)),
  );
  return h(
    "div",
    { class: "scrolls", tabindex: "0", role: "region", "aria-label": "Faults" },
    h("table", { class: "faults" }, h("thead", {}, head), h("tbody", {}, rows)),
  );
}

/** A button that may be pressed once `seconds` have gone by; the time left is shown, and announced once. */
function countdown(seconds, again) {
  const button = h("button", { type: "button", onclick: again }, "Try again");
  if (!seconds) return h("p", { class: "again" }, button);
  const ends = Date.now() + seconds * 1000;
  const left = h("span", { class: "left", "aria-hidden": "true" });
  const ready = h("span", { role: "status" });
  button.disabled = true;
  const tick = () => {
    const remaining = Math.ceil((ends - Date.now()) / 1000);
    left.textContent = remaining > 0 ? `in ${duration(remaining)}` : "";
    if (remaining > 0) return;
    button.disabled = false;
    ready.textContent = "You may call again.";
    clearInterval(ticking);
  };
  const ticking = setInterval(tick, 250);
  tick();
  return h("p", { class: "again" }, button, " ", left, " ", ready);
}
