import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";

import { isValid } from "../../../../local/page/files/js/outgoing/signatures.js";

const key = Buffer.from("a key for tests, of no use elsewhere");
const SECRET = `whsec_${key.toString("base64")}`;
const BODY = '{"type":"webhook.test","data":{"name":"Bø"}}';

const sign = (text) => `v1,${createHmac("sha256", key).update(text).digest("base64")}`;
const headers = (signature) => ({
  "webhook-id": "ms_1",
  "webhook-timestamp": "1795942800",
  "webhook-signature": signature,
});
const right = sign(`ms_1.1795942800.${BODY}`);

test("a signature of id, timestamp and body is valid", async () => {
  assert.equal(await isValid(SECRET, { headers: headers(right), body: BODY }), true);
});

test("one of several signatures is enough, as while secrets change", async () => {
  assert.equal(await isValid(SECRET, { headers: headers(`${sign("other")} ${right}`), body: BODY }), true);
});

test("another body, another version and another key are not", async () => {
  assert.equal(await isValid(SECRET, { headers: headers(right), body: `${BODY} ` }), false);
  assert.equal(await isValid(SECRET, { headers: headers(right.replace("v1", "v2")), body: BODY }), false);
  assert.equal(await isValid("whsec_YWJj", { headers: headers(right), body: BODY }), false);
});
