/** Problems (RFC 9457), shown with what to do about them. */

import { Refused, TokenRefused, Unreachable } from "./api.js";
import { h, table } from "./dom.js";
import { t } from "./language.js";
import { duration } from "./texts.js";

const ADVICE = {
  "missing-subscription-key": t(
    "The gateway knows a subscriber by a key: send it in the header Ocp-Apim-Subscription-Key.",
  ),
  "invalid-subscription-key": t(
    "The key belongs to no active subscription. Copy it again from the developer portal, or ask for a new one.",
  ),
  "missing-token": t(
    "Fetch a token from the identity provider and send it in the header Authorization, after the word Bearer.",
  ),
  "invalid-token": t(
    "The token is not one for this API: ask for one with the scope of this API, from the right tenant.",
  ),
  "expired-token": t("Tokens live for about an hour. Fetch a new one when the old one ends, and call again."),
  "missing-role": t(
    "The application has no role in this API. An administrator gives it Metering.Read in Entra, then a new token carries it.",
  ),
  "no-access": t(
    "The token is good, but nobody has given this caller a metering point. Access is given in Severa and synced every hour.",
  ),
  "persons-only": t(
    "Only contacts of the customer see this list, so that vendors do not learn of each other. Choose one of the users in the list of callers.",
  ),
  "not-found": t(
    "What is unknown and what is somebody else's get the same answer. GET /metering-points, /exports, /feeds and /webhooks list what this caller has.",
  ),
  "run-not-ready": t("Wait until the run is ready. A run that is empty has no files."),
  "too-many-feeds": t("Change a feed, or delete one that is no longer used."),
  "too-many-exports": t("Wait until one of the exports has finished, or delete one."),
  "invalid-path": t("An id of your own choice has letters a to z, digits and hyphens."),
  "unknown-path": t("No operation has this path. The list of operations is under “Try calls”."),
  "method-not-allowed": t("The header Allow names the methods of this path."),
  "not-acceptable": t("Ask for a format that is offered: the parameter format, or the header Accept."),
  "invalid-parameter": t("Each fault is named below, with what to write instead."),
  "rate-limit-exceeded": t(
    "The subscription has used up its calls of this minute. Wait as long as Retry-After says; RateLimit-Remaining shows what is left.",
  ),
  "quota-exceeded": t("The subscription has used up its calls of this day."),
  "access-too-old": t(
    "Who may read what has not been confirmed for too long, so nobody is let in until the sync has run.",
  ),
};

const ADVICE_BY_STATUS = {
  400: t("Look at the parameters."),
  401: t("The gateway does not know who calls."),
  403: t("The gateway knows who calls, and says no."),
  404: t("There is nothing here for this caller."),
  409: t("The call does not fit what is there now."),
  410: t("It is no longer kept: start again without the cursor, or have the files made again."),
  429: t("Too many calls: wait, then call again."),
  500: t("The fault is on the API's side. Quote the request id when you report it."),
  503: t("The service cannot answer now. Wait as long as Retry-After says, then call again."),
};

/** An answer that is not a success; `again` calls once more, when the caller may. */
export function answered(record, { again }) {
  const problem = record.json?.code ? record.json : { title: record.reason || t("No success"), code: null };
  const wait = Number(record.header("Retry-After") ?? 0);
  return card(
    `${record.status} ${problem.title}`,
    h("p", { lang: "en" }, problem.detail ?? ""),
    h("p", { class: "advice" }, ADVICE[problem.code] ?? ADVICE_BY_STATUS[record.status] ?? ""),
    problem.errors ? faults(problem.errors) : null,
    h("p", { class: "facts" }, facts(problem)),
    countdown(wait, again),
  );
}

/** An error of the api module: a refused call, no token, or no answer at all. Other errors are raised again. */
export function failed(error, { again }) {
  if (error instanceof Refused) return answered(error.record, { again });
  if (error instanceof TokenRefused) {
    return card(
      t("No token"),
      h("p", {}, error.message),
      h("p", { class: "advice" }, t("The identity provider refused to issue one.")),
      countdown(0, again),
    );
  }
  if (error instanceof Unreachable) {
    return card(
      t("No answer"),
      h("p", {}, error.message),
      h("p", { class: "advice" }, t("Start it with python3 dev.py run, then try again.")),
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
    code ? [`${t("code")} `, h("code", {}, code)] : [],
    requestId ? [` ${t("request id")} `, h("code", {}, requestId)] : [],
  ];
}

function faults(errors) {
  return table({
    label: t("Faults"),
    kind: "faults",
    names: [t("Parameter"), t("What is wrong"), t("What to write")],
    rows: errors.map(({ parameter, code, message, hint }) => [
      h("code", {}, parameter),
      [h("span", { lang: "en" }, message), h("br"), h("code", { class: "quiet" }, code)],
      h("span", { lang: "en" }, hint),
    ]),
    tall: false,
  });
}

/** A button that may be pressed once `seconds` have passed; the time left is shown, and its end announced once. */
function countdown(seconds, again) {
  const button = h("button", { type: "button", onclick: again }, t("Try again"));
  if (!seconds) return h("p", { class: "again" }, button);
  const ends = Date.now() + seconds * 1000;
  const left = h("span", { class: "left", "aria-hidden": "true" });
  const ready = h("span", { role: "status" });
  button.disabled = true;
  const tick = () => {
    const remaining = Math.ceil((ends - Date.now()) / 1000);
    left.textContent = remaining > 0 ? t("in {time}", { time: duration(remaining) }) : "";
    if (remaining > 0) return;
    button.disabled = false;
    ready.textContent = t("You may call again.");
    clearInterval(ticking);
  };
  const ticking = setInterval(tick, 250);
  tick();
  return h("p", { class: "again" }, button, " ", left, " ", ready);
}
