/** Tokens from the identity provider and calls through the gateway, with everything that went over the wire. */

import { t } from "./language.js";
import { decoded, query } from "./texts.js";

/** What a caller can get wrong on purpose, to see the gateway's answer. */
export const PRETENCES = {
  "": t("a good token and key"),
  "expired-token": t("a token that has expired"),
  "other-api": t("a token for another API"),
  "no-token": t("no token"),
  "no-key": t("no subscription key"),
  "wrong-key": t("a subscription key that is wrong"),
};

const EXPIRED_SECONDS = -3600;
const DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code";
const tokens = new Map();

/** The gateway or the identity provider could not be reached. */
export class Unreachable extends Error {}

/** The API's answer is not a success; `record` is the whole call. */
export class Refused extends Error {
  constructor(record) {
    super(`${record.status} ${record.reason}`);
    this.record = record;
  }
}

/** The identity provider gave no token. `answer` is its error. */
export class TokenRefused extends Error {
  constructor(answer) {
    super(answer.error_description ?? answer.error);
    this.answer = answer;
  }
}

export async function world() {
  return (await fetched("/pages/world.json")).json();
}

export async function openapi() {
  return (await fetched("/pages/openapi.json")).json();
}

/** The customers' guides: [{ name, title }]. */
export async function guides() {
  return (await (await fetched("/pages/guides.json")).json()).guides;
}

/** The last requests as the gateway decided about them. */
export async function trace() {
  return (await fetched("/trace")).json();
}

/** The form that asks for a token; a user's sign-in starts with `device`, which the demo tenant approves at once. */
export function tokenForms(demo, caller, pretence) {
  const client = { client_id: caller.clientId };
  const secret = { client_secret: caller.clientSecret };
  const lifetime = pretence === "expired-token" ? { lifetime: String(EXPIRED_SECONDS) } : {};
  if (caller.kind === "user") {
    return {
      device: { ...client, scope: demo.userScope, user: caller.name },
      token: { grant_type: DEVICE_GRANT, ...client, device_code: "DEVICE_CODE", ...lifetime },
    };
  }
  const scope = pretence === "other-api" ? demo.otherScope : demo.scope;
  return {
    device: null,
    token: { grant_type: "client_credentials", ...client, ...secret, scope, ...lifetime },
  };
}

/** A token for a caller, the same until it ends. Raises TokenRefused or Unreachable. */
export async function token(demo, caller, pretence) {
  const name = `${caller.name}/${pretence}`;
  const kept = tokens.get(name);
  if (kept && (pretence === "expired-token" || decoded(kept).claims.exp * 1000 > Date.now() + 60_000))
    return kept;
  const forms = tokenForms(demo, caller, pretence);
  if (forms.device) forms.token.device_code = (await posted(demo.deviceCodeUrl, forms.device)).device_code;
  const answer = await posted(demo.tokenUrl, forms.token);
  tokens.set(name, answer.access_token);
  return answer.access_token;
}

async function posted(url, form) {
  const answer = await fetched(url, { method: "POST", body: new URLSearchParams(form) });
  const body = await answer.json();
  if (!answer.ok) throw new TokenRefused(body);
  return body;
}

/** A part of the OpenAPI document, or what its `$ref` points to. */
export function resolved(contract, described) {
  if (!described.$ref) return described;
  return described.$ref
    .split("/")
    .slice(1)
    .reduce((at, name) => at[name], contract);
}

/** The answers of every page of a list. Raises as `call` does, and Refused. */
export async function pages(demo, caller, path, { parameters = {}, ...options } = {}) {
  const answers = [];
  let cursor = "";
  do {
    const record = await call(demo, caller, path, { parameters: { ...parameters, cursor }, ...options });
    if (record.status !== 200) throw new Refused(record);
    answers.push(record.json);
    cursor = record.json.nextCursor;
  } while (cursor);
  return answers;
}

/**
 * One call through the gateway: { method, sent, url, path, headers, token, status, reason, answered, header, body,
 * file, json, bytes, milliseconds, at }. `sent` is the text of the request's body, `file` the answer's body as it
 * came. Raises TokenRefused, Unreachable, or AbortError when `signal`
 * ends it.
 */
export async function call(
  demo,
  caller,
  path,
  { method = "GET", parameters = {}, headers = {}, json = null, pretence = "", signal = null } = {},
) {
  const bearer = pretence === "no-token" ? null : await token(demo, caller, pretence);
  const sent = { ...headers };
  const body = json === null ? undefined : JSON.stringify(json);
  if (body) sent["Content-Type"] = "application/json";
  if (bearer) sent.Authorization = `Bearer ${bearer}`;
  if (pretence !== "no-key") {
    sent["Ocp-Apim-Subscription-Key"] = pretence === "wrong-key" ? "not-a-key" : caller.subscriptionKey;
  }
  const target = `${demo.api}${path}${query(parameters)}`;
  const started = performance.now();
  // The browser's own cache would hide what the gateway answers.
  const answer = await fetched(target, { method, headers: sent, body, cache: "no-store", signal });
  const file = await answer.blob();
  const text = await file.text();
  // The stack may have started again with other signing keys: the next call asks for a new token.
  if (answer.status === 401) tokens.delete(`${caller.name}/${pretence}`);
  return {
    method,
    sent: body ?? null,
    url: new URL(target, location.href).href,
    path: target,
    headers: sent,
    token: bearer,
    status: answer.status,
    reason: answer.statusText,
    answered: [...answer.headers],
    header: (name) => answer.headers.get(name),
    body: text,
    file,
    json: parsed(answer, text),
    bytes: file.size,
    milliseconds: Math.round(performance.now() - started),
    at: new Date(),
  };
}

/**
 * A file that the API answers with a link to it, as a Blob. Raises as `call` does, and Refused.
 *
 * The browser follows the link without the token, since it leads to another origin. The key would go along as a
 * header, so it is sent in the query.
 */
export async function linked(demo, caller, path, { pretence = "" } = {}) {
  const url = `${demo.api}${path}${query({ "subscription-key": caller.subscriptionKey })}`;
  const bearer = await token(demo, caller, pretence);
  const answer = await fetched(url, { headers: { Authorization: `Bearer ${bearer}` }, cache: "no-store" });
  const file = await answer.blob();
  if (answer.ok) return file;
  const text = await file.text();
  throw new Refused({
    status: answer.status,
    reason: answer.statusText,
    header: (name) => answer.headers.get(name),
    json: parsed(answer, text),
  });
}

/** What arrived at the receiver of this machine under a name, the newest first. Raises Unreachable. */
export async function arrived(demo, name) {
  return (await (await fetched(`${demo.receiver}/${encodeURIComponent(name)}`)).json()).arrived;
}

function parsed(answer, body) {
  return /^application\/(problem\+)?json/.test(answer.headers.get("Content-Type") ?? "") && body
    ? JSON.parse(body)
    : null;
}

async function fetched(url, options) {
  try {
    return await fetch(url, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Unreachable(
      t("{origin} does not answer. Does the local stack still run?", {
        origin: new URL(url, location.href).origin,
      }),
    );
  }
}
