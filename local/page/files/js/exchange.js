/** What went over the wire for one call: request, token, answer, and what the gateway decided. */

import { tokenForms, trace } from "./api.js";
import { copyButton, fill, h, tabs } from "./dom.js";
import { curl, decoded, laidOut } from "./texts.js";

const SHOWN = 20_000;
const PREPARING = ["include-fragment", "set-variable", "set-header", "set-query-parameter"];
const MOMENTS = ["iat", "nbf", "exp"];

const CLAIMS = {
  aud: "the API that the token is for",
  iss: "who issued it; the gateway fetches the signing keys there",
  azp: "the application that asked for it: an app is known by this id",
  oid: "the user, or the application's service principal: a user is known by this id",
  sub: "the subject: one for each user and application",
  roles: "what the application was allowed in this API",
  scp: "what the user let the application do",
  idtyp: "“app” for a token without a user",
  tid: "the tenant",
  exp: "when it ends",
  iat: "when it was issued",
  nbf: "not valid before",
  name: "who signed in",
  preferred_username: "as whom",
  ver: "version of the token format",
};

let lastTab = 0;

/** The tabs behind one call. The one that was looked at last is open again. */
export function exchange(record, { demo, caller, pretence }) {
  const decisions = h("div", {}, h("p", { role: "status" }, "Asking the gateway …"));
  let asked = false;
  const onchange = (place) => {
    lastTab = place;
    if (place === 3 && !asked) {
      asked = true;
      showDecisions(decisions, record);
    }
  };
  const panels = [
    ["Request", request(record, { demo, caller, pretence })],
    ["Token", token(record)],
    [`Answer ${record.status}`, answer(record)],
    ["Gateway", decisions],
  ];
  onchange(lastTab);
  return tabs("Behind this call", panels, { chosen: lastTab, onchange });
}

function request(record, { demo, caller, pretence }) {
  const headers = Object.fromEntries(
    Object.entries(record.headers).map(([name, value]) => [
      name,
      name === "Authorization" ? "Bearer $TOKEN" : value,
    ]),
  );
  // Double quotes, so that the shell puts the token in.
  const line = curl({ url: record.url, headers }).replace(
    `'Authorization: Bearer $TOKEN'`,
    `"Authorization: Bearer $TOKEN"`,
  );
  return [
    h("p", { class: "line" }, h("strong", {}, "GET"), " ", h("code", {}, record.path)),
    record.token ? command("1. A token, kept in the shell", tokenCommand(demo, caller, pretence)) : null,
    command(record.token ? "2. The call" : "The call", line),
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
      copyButton(() => text, "Copy"),
    ),
    code(text, title),
  );
}

function code(text, label) {
  return h("pre", { tabindex: "0", role: "region", "aria-label": label }, h("code", {}, text));
}

function token({ token: bearer }) {
  if (!bearer) return h("p", {}, "No token was sent.");
  const { header, claims } = decoded(bearer);
  const rows = Object.entries(claims).map(([name, value]) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, h("code", {}, name)),
      h("td", {}, h("code", {}, claimText(name, value))),
      h("td", { class: "quiet" }, CLAIMS[name] ?? ""),
    ),
  );
  const left = Math.round((claims.exp * 1000 - Date.now()) / 60_000);
  return [
    h(
      "p",
      {},
      left > 0 ? `Valid for ${left} more minutes.` : `Ended ${-left} minutes ago.`,
      ` Signed with ${header.alg}, key `,
      h("code", {}, header.kid),
      ".",
    ),
    table(["Claim", "Value", "Meaning"], rows, "Claims"),
    h(
      "details",
      {},
      h("summary", {}, "The token itself"),
      h(
        "p",
        {},
        copyButton(() => bearer, "Copy"),
      ),
      code(bearer, "Token"),
    ),
  ];
}

function claimText(name, value) {
  if (MOMENTS.includes(name)) return `${value} = ${new Date(value * 1000).toISOString().replace(".000", "")}`;
  return Array.isArray(value) ? value.join(", ") : String(value);
}

function answer(record) {
  const rows = record.answered.map(([name, value]) =>
    h("tr", {}, h("th", { scope: "row" }, h("code", {}, name)), h("td", {}, h("code", {}, value))),
  );
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
          `Show all ${text.length.toLocaleString("en-GB")} characters`,
        )
      : null;
  return [
    h(
      "p",
      { class: "line" },
      h("strong", { class: record.status < 400 ? "good" : "bad" }, `${record.status} ${record.reason}`),
      ` after ${record.milliseconds} ms, ${record.bytes.toLocaleString("en-GB")} bytes`,
    ),
    h(
      "details",
      {},
      h("summary", {}, `${record.answered.length} headers`),
      table(["Header", "Value"], rows, "Headers"),
    ),
    record.body
      ? h(
          "div",
          { class: "command" },
          h(
            "div",
            { class: "command-head" },
            h("h3", {}, "Body"),
            copyButton(() => record.body, "Copy"),
          ),
          h("pre", { tabindex: "0", role: "region", "aria-label": "Body" }, body),
          all,
        )
      : h("p", {}, "No body."),
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
  const found = requests.find(({ requestId }) => requestId === record.header("X-Request-Id"));
  if (!found) {
    fill(
      host,
      h("p", {}, "The gateway keeps its last hundred requests, and this one is no longer among them."),
    );
    return;
  }
  const steps = (policies, label) =>
    table(
      ["Section", "Policy", "What it decided", "Where"],
      policies.map(({ section, place, policy, decided }) =>
        h(
          "tr",
          {},
          h("td", {}, section),
          h("td", {}, h("code", {}, policy)),
          h("td", {}, decided),
          h("td", { class: "quiet" }, h("code", {}, place)),
        ),
      ),
      label,
    );
  const deciding = found.policies.filter(
    ({ policy, decided }) => !PREPARING.includes(policy) && decided !== "nothing",
  );
  fill(
    host,
    h(
      "p",
      {},
      `Operation ${found.operation ?? "unknown"}, product ${found.product ?? "none"}, ${found.milliseconds} ms in the gateway.`,
      found.error ? ` Ended by ${found.error.source}: ${found.error.reason}.` : "",
    ),
    steps(deciding, "Policies that decided"),
    h(
      "details",
      {},
      h("summary", {}, `All ${found.policies.length} steps`),
      steps(found.policies, "All policies"),
    ),
  );
}

function table(names, rows, label) {
  return h(
    "div",
    { class: "scrolls", tabindex: "0", role: "region", "aria-label": label },
    h(
      "table",
      {},
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          names.map((name) => h("th", { scope: "col" }, name)),
        ),
      ),
      h("tbody", {}, rows),
    ),
  );
}
