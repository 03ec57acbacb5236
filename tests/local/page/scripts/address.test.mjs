import assert from "node:assert/strict";
import { test } from "node:test";

import { read, write } from "../../../../local/page/files/js/address.js";

const STATE = { tab: "files", files: "feeds", caller: { name: "kari" }, direction: "consumption", view: "day" };

test("what is written is read again", () => {
  const { callerName, tab, files, view } = read(write(STATE));

  assert.deepEqual({ callerName, tab, files, view }, { callerName: "kari", tab: "files", files: "feeds", view: "day" });
});

test("the kind of files is only in the address of the files", () => {
  assert.equal(read(write({ ...STATE, tab: "overview" })).files, undefined);
});

test("words that the page does not know are left out", () => {
  assert.deepEqual(read("#tab=secrets&files=none&day=soon&direction=up"), {});
});

test("a metering point or a view opens the series", () => {
  assert.equal(read("#point=707057500000000018").tab, "series");
  assert.equal(read("#view=year").tab, "series");
});
