/** Webhooks: register one, test it, follow its attempts, and see what arrived at the receiver of this machine. */

import * as api from "../api.js";
import * as calendar from "../calendar.js";
import { copyButton, disclosure, fill, find, h, refill, table } from "../dom.js";
import { t } from "../language.js";
import * as problems from "../problems.js";
import { laidOut } from "../texts.js";
import { button, perform } from "./action.js";
import { field, line } from "./form.js";
import * as signatures from "./signatures.js";

const STATES = { unconfirmed: t("unconfirmed"), active: t("active"), disabled: t("disabled") };
const NOTICES = { waiting: t("waiting"), delivered: t("delivered"), failed: t("failed") };
const REFRESH_MILLISECONDS = 3000;

/** Secrets of webhooks, by caller and id. The API shows each once; here they check what arrives. */
const secrets = new Map();
let latest = null;

/** Show the form, the caller's webhooks and what arrived. */
export async function show(state, { demo, contract }) {
  const own = (latest = {});
  const host = find("#webhooks");
  const isCurrent = () => latest === own && !host.closest("[hidden]");
  const answer = h("div", { class: "answer" });
  const list = h("div", {});
  const mailbox = h("div", {});
  const scene = { demo, state, contract, answer, list, mailbox, isCurrent };
  fill(
    host,
    h(
      "section",
      { class: "card", "aria-labelledby": "webhook-title" },
      h("h2", { id: "webhook-title" }, t("Be notified")),
      h(
        "p",
        {},
        t(
          "A notice says that something is there; what it is, is read with your own token. The address filled in is a receiver on this machine.",
        ),
      ),
      form(scene),
      answer,
    ),
    h(
      "section",
      { class: "card", "aria-labelledby": "webhooks-title" },
      h("h2", { id: "webhooks-title" }, t("Your webhooks")),
      list,
    ),
    h(
      "section",
      { class: "card", "aria-labelledby": "arrived-title" },
      h("h2", { id: "arrived-title" }, t("What arrived on this machine")),
      mailbox,
    ),
  );
  host.setAttribute("aria-busy", "true");
  await refresh(scene);
  host.removeAttribute("aria-busy");
  keepFresh(scene);
}

/** A name below the receiver of this machine that no other caller has. */
function receiverName({ caller }, id) {
  return `${caller.name}-${id}`;
}

function form(scene) {
  const { demo, state, contract } = scene;
  const id = line("webhook-id", { value: "main" });
  const url = line("webhook-url", { type: "url", value: `${demo.receiver}/${receiverName(state, "main")}` });
  id.oninput = () => {
    if (url.value.startsWith(demo.receiver)) url.value = `${demo.receiver}/${receiverName(state, id.value)}`;
  };
  const events = contract.components.schemas.Event.enum.map((event) =>
    h("input", { type: "checkbox", id: `event-${event}`, value: event, checked: true }),
  );
  const register = async (event) => {
    event?.preventDefault();
    const json = {
      url: url.value,
      events: events.filter(({ checked }) => checked).map(({ value }) => value),
    };
    await act(scene, {
      method: "PUT",
      path: `/webhooks/${encodeURIComponent(id.value)}`,
      json,
      again: register,
    });
  };
  return h(
    "form",
    { onsubmit: register },
    field(t("Id (your choice)"), id),
    field(t("Address"), url, { isWide: true }),
    h(
      "fieldset",
      { class: "events" },
      h("legend", {}, t("Events")),
      events.map((box) => h("label", {}, box, " ", h("code", {}, box.value))),
    ),
    h("p", {}, h("button", { type: "submit", class: "primary" }, t("Register"))),
  );
}

/** Make one call, show its outcome and the secret that it may have, and list everything again. */
async function act(scene, { method, path, json = null, again, outcome = statusLine }) {
  const { demo, answer } = scene;
  const { caller, pretence } = scene.state;
  const more = ({ json: webhook }) => {
    if (!webhook?.secret) return null;
    secrets.set(`${caller.name}/${webhook.webhookId}`, webhook.secret);
    return shownOnce(webhook.secret);
  };
  await perform(answer, { demo, caller, pretence }, { method, path, json, again, outcome, more });
  await refresh(scene);
}

function statusLine({ status, reason }) {
  return `${status} ${reason}`;
}

function shownOnce(secret) {
  return h(
    "div",
    { class: "secret" },
    h("p", {}, t("The secret that signs the notices. It is shown this once:")),
    h(
      "p",
      {},
      h("code", {}, secret),
      " ",
      copyButton(() => secret, t("Copy")),
    ),
  );
}

async function refresh(scene) {
  const { demo, state, list, isCurrent } = scene;
  try {
    const ask = async (path) => {
      const record = await api.call(demo, state.caller, path, { pretence: state.pretence });
      if (record.status !== 200) throw new api.Refused(record);
      return record.json;
    };
    const { webhooks } = await ask("/webhooks");
    const notices = await Promise.all(
      webhooks.map(({ webhookId }) => ask(`/webhooks/${encodeURIComponent(webhookId)}/notices`)),
    );
    if (!isCurrent()) return;
    refill(
      list,
      webhooks.length === 0 ? h("p", { class: "quiet" }, t("There are none yet.")) : null,
      webhooks.map((webhook, place) => described(webhook, notices[place].notices, scene)),
    );
    await arrivals(scene, webhooks);
  } catch (error) {
    if (isCurrent()) fill(list, problems.failed(error, { again: () => refresh(scene) }));
  }
}

function described(webhook, notices, scene) {
  const { webhookId, url, events, status, disabledReason, failingSince, bothSecretsUntil } = webhook;
  const path = `/webhooks/${encodeURIComponent(webhookId)}`;
  const action = (text, { method, suffix = "", outcome }) => {
    const run = () => act(scene, { method, path: path + suffix, again: run, outcome });
    return button(text, webhookId, run);
  };
  const remarks = [
    disabledReason,
    failingSince && t("Failing since {when}.", { when: calendar.dayAndTime(failingSince) }),
    bothSecretsUntil && t("Two secrets sign until {when}.", { when: calendar.dayAndTime(bothSecretsUntil) }),
  ].filter(Boolean);
  return h(
    "article",
    { class: "entry webhook", "aria-label": webhookId },
    h(
      "div",
      { class: "entry-head" },
      h("h3", {}, webhookId),
      h("span", { class: `state ${status}` }, STATES[status] ?? status),
      action(t("Test"), { method: "POST", suffix: "/test", outcome: tested }),
      action(t("New secret"), { method: "POST", suffix: "/secret" }),
      action(t("Delete"), { method: "DELETE" }),
    ),
    h("p", { class: "address" }, h("code", {}, url)),
    h("p", { class: "quiet" }, events.join(", ")),
    remarks.map((remark) => h("p", { class: "bad" }, remark)),
    attempts(webhookId, notices, scene),
  );
}

function tested({ json: { event, answerStatus, fault, milliseconds } }) {
  const answer = fault ?? answerStatus;
  return t("{event}: the receiver answered {answer} after {milliseconds} ms.", {
    event,
    answer,
    milliseconds,
  });
}

function attempts(webhookId, notices, scene) {
  if (notices.length === 0) return h("p", { class: "quiet" }, t("No notices yet."));
  const resend = (noticeId) => {
    const path = `/webhooks/${encodeURIComponent(webhookId)}/notices/${encodeURIComponent(noticeId)}/resend`;
    const run = () => act(scene, { method: "POST", path, again: run });
    return button(t("Send again"), noticeId, run);
  };
  return table({
    label: t("Attempts of {name}", { name: webhookId }),
    names: [
      t("Event"),
      t("State"),
      t("Attempts"),
      t("Last answer"),
      t("Made"),
      t("Next attempt"),
      t("Action"),
    ],
    rows: notices.map((notice) => [
      h("code", {}, notice.event),
      h("span", { class: `state ${notice.status}` }, NOTICES[notice.status] ?? notice.status),
      String(notice.attempts),
      notice.lastFault ?? (notice.lastStatus === null ? "–" : h("code", {}, String(notice.lastStatus))),
      calendar.dayAndTime(notice.createdAt),
      notice.nextAttemptAt ? calendar.dayAndTime(notice.nextAttemptAt) : "–",
      resend(notice.noticeId),
    ]),
  });
}

/** What the receiver of this machine got for these webhooks, with its signature checked where the secret is known. */
async function arrivals({ demo, state, mailbox, isCurrent }, webhooks) {
  const here = webhooks.filter(({ url }) => url.startsWith(`${demo.receiver}/`));
  const arrived = (
    await Promise.all(
      here.map(async ({ webhookId, url }) => {
        const name = decodeURIComponent(new URL(url).pathname.split("/").at(-1));
        const secret = secrets.get(`${state.caller.name}/${webhookId}`);
        const all = await api.arrived(demo, name);
        return Promise.all(
          all.map(async (each) => ({ ...each, webhookId, verdict: await verdict(each, secret) })),
        );
      }),
    )
  ).flat();
  if (!isCurrent()) return;
  arrived.sort((one, other) => (one.at < other.at ? 1 : -1));
  // What is open stays open when the list is made again.
  const open = new Set([...mailbox.querySelectorAll("details[open]")].map(({ dataset }) => dataset.key));
  fill(
    mailbox,
    arrived.length === 0
      ? h(
          "p",
          { class: "quiet" },
          t("Nothing yet. Register a webhook with the address above; it is asked to confirm at once."),
        )
      : h(
          "ul",
          { class: "arrived" },
          arrived.map((each) => h("li", {}, arrival(each, open))),
        ),
  );
}

const VERDICTS = {
  true: h("span", { class: "good" }, t("signature is right")),
  false: h("span", { class: "bad" }, t("signature is wrong")),
  unknown: h("span", { class: "quiet" }, t("signature not checked: the secret was shown before")),
};

async function verdict({ headers, body }, secret) {
  return secret ? String(await signatures.isValid(secret, { headers, body })) : "unknown";
}

function arrival({ at, headers, body, answered, webhookId, verdict: word }, open) {
  const key = `${headers["webhook-id"]} ${at}`;
  return disclosure(
    [
      h("time", { datetime: at }, calendar.clock(Date.parse(at))),
      " ",
      h("code", {}, typeOf(body)),
      ` → ${answered} · ${webhookId} · `,
      VERDICTS[word].cloneNode(true),
    ],
    () =>
      h(
        "pre",
        { tabindex: "0", role: "region", "aria-label": t("Notice") },
        h(
          "code",
          {},
          Object.entries(headers).map(([name, value]) => `${name}: ${value}\n`),
          "\n",
          laidOut(body),
        ),
      ),
    { "data-key": key, open: open.has(key) },
  );
}

function typeOf(body) {
  try {
    return JSON.parse(body).type;
  } catch {
    return "?";
  }
}

/** List everything again every few seconds, as long as this part of the page is open and nobody reads a table. */
function keepFresh(scene) {
  setTimeout(async () => {
    if (!scene.isCurrent()) return;
    if (!scene.list.contains(document.activeElement)) await refresh(scene);
    keepFresh(scene);
  }, REFRESH_MILLISECONDS);
}
