/** One call that changes something: made, and its outcome shown with what went over the wire. */

import * as api from "../api.js";
import { fill, h } from "../dom.js";
import { behind } from "../exchange.js";
import * as problems from "../problems.js";

/**
 * Make a call, and show in `host` what came of it. `outcome` puts a success into words, `more` makes what stands below
 * it; both get the whole call. `again` is called by the button of a problem.
 */
export async function perform(
  host,
  { demo, caller, pretence },
  { method, path, json = null, again, outcome, more = () => null },
) {
  host.setAttribute("aria-busy", "true");
  try {
    const record = await api.call(demo, caller, path, { method, json, pretence });
    fill(
      host,
      record.status >= 400
        ? problems.answered(record, { again })
        : [h("p", { class: "outcome", role: "status" }, outcome(record)), more(record)],
      behind(record, { demo, caller, pretence }),
    );
  } catch (error) {
    fill(host, problems.failed(error, { again }));
  } finally {
    host.removeAttribute("aria-busy");
  }
}

/** A small button that names what it acts on to those who do not see where it stands. */
export function button(text, subject, onclick) {
  return h("button", { type: "button", class: "small", "aria-label": `${text}: ${subject}`, onclick }, text);
}
