/** The gateway's last requests, each with what the gateway decided about it. */

import * as api from "./api.js";
import { clock } from "./calendar.js";
import { disclosure, fill, find, h } from "./dom.js";
import { decisions } from "./exchange.js";
import { t, translate } from "./language.js";
import * as problems from "./problems.js";

async function show() {
  const host = find("#requests");
  try {
    const requests = await api.trace();
    fill(
      host,
      requests.length === 0
        ? h("p", { class: "quiet" }, t("There are none yet."))
        : h(
            "ul",
            { class: "arrived" },
            requests.map((each) => h("li", {}, disclosure(line(each), () => decisions(each)))),
          ),
    );
  } catch (error) {
    fill(host, problems.failed(error, { again: show }));
  }
}

function line({ at, method, path, status }) {
  return [h("time", { datetime: at }, clock(Date.parse(at))), " ", h("code", {}, `${method} ${path}`), ` → ${status}`];
}

translate(document);
show();
