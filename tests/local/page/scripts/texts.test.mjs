import assert from "node:assert/strict";
import { test } from "node:test";

import * as texts from "../../../../local/page/files/js/texts.js";

test("JSON is laid out without a change to a number or a text", () => {
  const json =
    '{"quantity":0.500,"big":123456789012345678901,"text":"a, b: {c} \\"d\\" \\u00e5","none":{},"list":[1.10,null],"deep":{"in":{"x":[]}}}';

  const laid = texts.laidOut(json);

  assert.equal(laid.replace(/\n\s*/g, "").replaceAll('": ', '":').replaceAll(", null", ",null"), json);
  assert.match(laid, /\n {2}"quantity": 0\.500,\n/);
  assert.match(laid, /"list": \[1\.10, null\]/);
});

test("a curl line survives quotes and ampersands", () => {
  const line = texts.curl({ url: "http://127.0.0.1:8080/x?a=1&b=2", headers: { "X-Name": "O'Hara" } });

  assert.equal(line, `curl -s -H 'X-Name: O'\\''Hara' 'http://127.0.0.1:8080/x?a=1&b=2'`);
});

test("a form is sent encoded", () => {
  assert.equal(
    texts.curl({ url: "http://127.0.0.1/t", form: { scope: "api://x/.default" } }),
    "curl -s --data-urlencode 'scope=api://x/.default' 'http://127.0.0.1/t'",
  );
});

test("a query leaves out what is empty and repeats a list", () => {
  assert.equal(texts.query({ a: "", b: ["1", "", "2"], c: null, d: "x y" }), "?b=1&b=2&d=x+y");
  assert.equal(texts.query({ a: "" }), "");
});

test("a token is read whatever letters its claims hold", () => {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

  assert.deepEqual(texts.decoded(`${part({ alg: "RS256" })}.${part({ name: "Kåre Ødegård ??>" })}.x`), {
    header: { alg: "RS256" },
    claims: { name: "Kåre Ødegård ??>" },
  });
});

test("durations are short", () => {
  assert.deepEqual([9, 75, 3700].map(texts.duration), ["9 s", "1 min 15 s", "1 h 1 min"]);
});
