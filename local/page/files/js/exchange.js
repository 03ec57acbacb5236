/** What went over the wire for one call: request, token, answer, and what the gateway decided. */

import { tokenForms, trace } from "./api.js";
import { copyButton, disclosure, fill, h, table, tabs } from "./dom.js";
import { number, t } from "./language.js";
import { curl, decoded, laidOut } from "./texts.js";

const SHOWN = 20_000;
const PREPARING = ["include-fragment", "set-variable", "set-header", "set-query-parameter"];
const MOMENTS = ["iat", "nbf", "exp"];

const CLAIMS = {
  aud: t("the API that the token is for"),
  iss: t("who issued it; the gateway fetches the signing keys there"),
  azp: t("the application that asked for it: an app is known by this id"),
  oid: t("the user, or the application's service principal: a user is known by this id"),
  sub: t("the subject: one for each user and application"),
  roles: t("what the application was allowed in this API"),
  scp: t("what the user let the application do"),
  idtyp: t("“app” for a token without a user"),
  tid: t("the tenant"),
  exp: t("when it ends"),
  iat: t("when it was issued"),
  nbf: t("not valid before"),
  name: t("who signed in"),
  preferred_username: t("as whom"),
  ver: t("version of the token format"),
};

let lastTab = 0;

/** Tabs with request, token, answer and decisions of one call. The tab that was open last is open again. */
export function exchange(record, { demo, caller, pretence }) {
  const decisions = h("div", {}, h("p", { role: "status" }, t("Asking the gateway …")));
  let isAsked = false;
  const onchange = (place) => {
    lastTab = place;
    if (place === 3 && !isAsked) {
      isAsked = true;
      showDecisions(decisions, record);
    }
  };
  const panels = [
    [t("Request"), request(record, { demo, caller, pretence })],
    [t("Token"), token(record)],
    [t("Answer {status}", { status: record.status }), answer(record)],
    [t("Gateway"), decisions],
  ];
  onchange(lastTab);
  const host = h("div", {});
  tabs(host, t("Behind this call"), panels, { chosen: lastTab, onchange });
  return host;
}

/** What went over the wire for one call, behind a heading that opens it. */
export function behind(record, caller) {
  return disclosure(t("Behind this call"), () => exchange(record, caller));
}

function request(record, { demo, caller, pretence }) {
  const headers = Object.fromEntries(
    Object.entries(record.headers).map(([name, value]) => [
      name,
      name === "Authorization" ? "Bearer $TOKEN" : value,
    ]),
  );
  // Double quotes, so that the shell puts the token in.
  const line = curl({ method: record.method, url: record.url, headers, json: record.sent }).replace(
    `'Authorization: Bearer $TOKEN'`,
    `"Authorization: Bearer $TOKEN"`,
  );
  return [
    h("p", { class: "line" }, h("strong", {}, record.method), " ", h("code", {}, record.path)),
    record.token ? command(t("1. A token, kept in the shell"), tokenCommand(demo, caller, pretence)) : null,
    command(record.token ? t("2. The call") : t("The call"), line),
  ];
}

function tokenCommand(demo, caller, pretence) {
  const forms = tokenForms(demo, caller, pretence);
  const field = (name) => `python3 -c 'import json,sys; print(json.load(sys.stdin)["${name}"])'`;
  const line = `TOKEN=$(${curl({ url: demo.tokenUrl, form: forms.token })} | ${field("access_token")})`;
  if (!forms.device) return line;
  const device = `DEVICE_CODE=$(${curl({ url: demo.deviceCodeUrl, form: forms.device })} | ${field("device_code")})`;
  return `${device}\n${line.replace("'device_code=DEVICE_CODE'", '"device_code=$DEVICE_CODE"')}`;
}

function command(title, text) {
  return h(
    "div",
    { class: "command" },
    h(
      "div",
      { class: "command-head" },
      h("h3", {}, title),
      copyButton(() => text, t("Copy")),
    ),
    code(text, title),
  );
}

function code(text, label) {
  return h("pre", { tabindex: "0", role: "region", "aria-label": label }, h("code", {}, text));
}

function token({ token: bearer }) {
  if (!bearer) return h("p", {}, t("No token was sent."));
  const { header, claims } = decoded(bearer);
  const rows = Object.entries(claims).map(([name, value]) => [
    h("code", {}, name),
    h("code", {}, claimText(name, value)),
    h("span", { class: "quiet" }, CLAIMS[name] ?? ""),
  ]);
  const left = Math.round((claims.exp * 1000 - Date.now()) / 60_000);
  return [
    h(
      "p",
      {},
      left > 0
        ? t("Valid for {left} more minutes.", { left })
        : t("Ended {ago} minutes ago.", { ago: -left }),
      ` ${t("Signed with {algorithm}, key", { algorithm: header.alg })} `,
      h("code", {}, header.kid),
      ".",
    ),
    table({ label: t("Claims"), names: [t("Claim"), t("Value"), t("Meaning")], rows, tall: false }),
    disclosure(t("The token itself"), () => [
      h(
        "p",
        {},
        copyButton(() => bearer, t("Copy")),
      ),
      code(bearer, t("Token")),
    ]),
  ];
}

function claimText(name, value) {
  if (MOMENTS.includes(name)) return `${value} = ${new Date(value * 1000).toISOString().replace(".000", "")}`;
  return Array.isArray(value) ? value.join(", ") : String(value);
}

function answer(record) {
  const rows = record.answered.map(([name, value]) => [h("code", {}, name), h("code", {}, value)]);
  const text = record.json === null ? record.body : laidOut(record.body);
  const body = h("code", {}, text.slice(0, SHOWN));
  const all =
    text.length > SHOWN
      ? h(
          "button",
          {
            type: "button",
            class: "small",
            onclick: () => {
              fill(body, text);
              all.remove();
            },
          },
          t("Show all {count} characters", { count: number(text.length) }),
        )
      : null;
  return [
    h(
      "p",
      { class: "line" },
      h("strong", { class: record.status < 400 ? "good" : "bad" }, `${record.status} ${record.reason}`),
      ` ${t("after {milliseconds} ms, {bytes} bytes", { milliseconds: record.milliseconds, bytes: number(record.bytes) })}`,
    ),
    disclosure(t("{count} headers", { count: record.answered.length }), () =>
      table({ label: t("Headers"), names: [t("Header"), t("Value")], rows, tall: false }),
    ),
    record.body
      ? h(
          "div",
          { class: "command" },
          h(
            "div",
            { class: "command-head" },
            h("h3", {}, t("Body")),
            copyButton(() => record.body, t("Copy")),
          ),
          h("pre", { tabindex: "0", role: "region", "aria-label": t("Body") }, body),
          all,
        )
      : h("p", {}, t("No body.")),
  ];
}

async function showDecisions(host, record) {
  let requests;
  try {
    requests = await trace();
  } catch (error) {
    fill(host, h("p", { role: "alert" }, error.message));
    return;
  }
  const traced = requests.find(({ requestId }) => requestId === record.header("X-Request-Id"));
  if (!traced) {
    fill(
      host,
      h("p", {}, t("The gateway keeps its last hundred requests, and this one is no longer among them.")),
    );
    return;
  }
  fill(host, decisions(traced));
}

/** What the gateway decided about one request of its trace. */
export function decisions(traced) {
  const steps = (policies, label) =>
    table({
      label,
      names: [t("Policy"), t("Section"), t("What it decided"), t("Where")],
      rows: policies.map(({ section, place, policy, decided }) => [
        h("code", {}, policy),
        section,
        h("span", { lang: "en" }, decided),
        h("code", { class: "quiet" }, place),
      ]),
      tall: false,
    });
  const deciding = traced.policies.filter(
    ({ policy, decided }) => !PREPARING.includes(policy) && decided !== "nothing",
  );
  return [
    h(
      "p",
      {},
      t("Operation {operation}, product {product}, {milliseconds} ms in the gateway.", {
        operation: traced.operation ?? "–",
        product: traced.product ?? "–",
        milliseconds: traced.milliseconds,
      }),
      traced.error ? ` ${t("Ended by {source}: {reason}.", traced.error)}` : "",
    ),
    steps(deciding, t("Policies that decided")),
    disclosure(t("All {count} steps", { count: traced.policies.length }), () =>
      steps(traced.policies, t("All policies")),
    ),
  ];
}
