/** Files that the API lists, each with a button that saves it. */

import * as api from "../api.js";
import { fill, h, save } from "../dom.js";
import { t } from "../language.js";
import * as problems from "../problems.js";

/** The files, and below them what came of saving one. `facts(file)` says what is worth knowing of it. */
export function listing(files, facts, caller) {
  const message = h("div", { class: "message", role: "status" });
  return [
    h(
      "ul",
      { class: "files" },
      files.map((file) => h("li", {}, entry(file, facts(file), { ...caller, message }))),
    ),
    message,
  ];
}

function entry({ name, sha256, href }, facts, { demo, caller, pretence, message }) {
  const download = async () => {
    fill(message, t("Asking for the file …"));
    try {
      const path = href.slice(demo.api.length);
      save(await api.linked(demo, caller, path, { pretence }), name);
      fill(message, t("Saved as {name}.", { name }));
    } catch (error) {
      fill(message, problems.failed(error, { again: download }));
    }
  };
  return [
    h("button", { type: "button", class: "link", onclick: download }, name),
    h("span", { class: "quiet" }, facts),
    h("code", { class: "quiet hash", title: sha256 }, `SHA-256 ${sha256.slice(0, 12)}…`),
  ];
}
