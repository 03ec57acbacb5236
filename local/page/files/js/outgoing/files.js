/** Files: made once on request, or after each publication. */

import { check, fill, find, h, segments } from "../dom.js";
import { t } from "../language.js";
import * as exports from "./exports.js";
import * as feeds from "./feeds.js";

const KINDS = { exports: t("Once"), feeds: t("Regularly") };
const SHOWN_BY = { exports, feeds };

/** Make the choice between them; `go` changes the page's state and shows it. */
export function setUp({ go }) {
  fill(
    find("#file-kinds"),
    h("legend", { class: "unseen" }, t("When files are made")),
    segments("files", Object.entries(KINDS), { onchange: (kind) => go({ files: kind }) }),
  );
}

/** Show the kind of files that `state` names. */
export function show(state, { demo, contract }) {
  check("files", state.files);
  SHOWN_BY[state.files].show(find("#file-part"), state, { demo, contract });
}
