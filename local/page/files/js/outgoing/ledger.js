/** The ledger of a feed: its runs with their files, which can be saved, acknowledged and handed out again. */

import * as api from "../api.js";
import * as calendar from "../calendar.js";
import { fill, h, refill } from "../dom.js";
import { number, t } from "../language.js";
import * as problems from "../problems.js";
import { size } from "../texts.js";
import { button, perform } from "./action.js";
import { listing } from "./listing.js";

const STATUS = {
  building: t("being made"),
  ready: t("ready"),
  sent: t("sent"),
  acknowledged: t("acknowledged"),
  failed: t("failed"),
  empty: t("nothing new"),
};
const BUILDING = "building";
const EMPTY = "empty";
const TO_ACKNOWLEDGE = ["ready", "sent"];
/** Runs that are shown at once, and more with each press of the button, up to a page of the API. */
const STEP = 10;
const PAGE = 100;
const BUILDING_SECONDS = 2;
const RESTING_SECONDS = 15;

/** The runs of a feed, kept fresh for as long as they are seen. */
export function runs({ feedId }, caller) {
  const scene = {
    caller,
    path: `/feeds/${encodeURIComponent(feedId)}/runs`,
    answer: h("div", { class: "answer" }),
    list: h("div", { "aria-busy": "true" }),
    limit: STEP,
  };
  refresh(scene).then(() => keepFresh(scene));
  return [scene.answer, scene.list];
}

async function refresh(scene) {
  const { caller, list, path, limit } = scene;
  try {
    const { demo, pretence } = caller;
    const record = await api.call(demo, caller.caller, path, { parameters: { limit }, pretence });
    if (record.status !== 200) throw new api.Refused(record);
    scene.isBuilding = record.json.runs.some(({ status }) => status === BUILDING);
    // What is shown already stays, with the messages below its files.
    if (record.body !== scene.shown) refill(list, content(record.json, scene));
    scene.shown = record.body;
  } catch (error) {
    scene.shown = null;
    fill(list, problems.failed(error, { again: () => refresh(scene) }));
  } finally {
    list.removeAttribute("aria-busy");
  }
}

function keepFresh(scene) {
  const { list } = scene;
  const seconds = scene.isBuilding ? BUILDING_SECONDS : RESTING_SECONDS;
  setTimeout(async () => {
    if (!list.isConnected) return;
    if (list.checkVisibility() && scene.shown !== null) await refresh(scene);
    keepFresh(scene);
  }, seconds * 1000);
}

function content({ runs: shown, nextCursor }, scene) {
  if (shown.length === 0)
    return h(
      "p",
      { class: "quiet" },
      t("No run yet: a feed begins with what is published after it was made. On this machine you publish with"),
      " ",
      h("code", {}, "python3 dev.py load FILE"),
      ".",
    );
  const more = () => {
    scene.limit = Math.min(scene.limit + STEP, PAGE);
    return refresh(scene);
  };
  return [
    h(
      "ul",
      { class: "entries" },
      shown.map((run) => h("li", { class: "entry" }, described(run, scene))),
    ),
    nextCursor && scene.limit < PAGE
      ? h("p", { class: "more" }, h("button", { type: "button", onclick: more }, t("Show more")))
      : null,
  ];
}

function described({ run, sequences, asOf, status, attempts, problem, fileCount, files, manifest }, scene) {
  const act = (text, { suffix, outcome }) => {
    const press = async () => {
      await perform(scene.answer, scene.caller, {
        method: "POST",
        path: `${scene.path}/${run}/${suffix}`,
        again: press,
        outcome: () => outcome,
      });
      await refresh(scene);
    };
    return button(text, run, press);
  };
  const all = [...files, ...(manifest ? [manifest] : [])];
  return [
    h(
      "div",
      { class: "entry-head" },
      h("code", {}, run),
      h("span", { class: `state ${status}` }, STATUS[status] ?? status),
      TO_ACKNOWLEDGE.includes(status)
        ? act(t("I have it"), { suffix: "acknowledgement", outcome: t("Run {run} is acknowledged.", { run }) })
        : null,
      status === BUILDING || status === EMPTY
        ? null
        : act(t("Send again"), { suffix: "resend", outcome: t("Run {run} is handed out again.", { run }) }),
    ),
    h("p", { class: "quiet" }, covered(sequences, asOf), attempts ? ` ${tried(attempts)}` : null),
    problem ? h("p", { class: "bad", lang: "en" }, `${problem.code}: ${problem.detail}`) : null,
    all.length ? listing(all, facts, scene.caller) : null,
    fileCount > files.length
      ? h("p", { class: "quiet" }, t("{count} files in all: the manifest lists the others.", { count: fileCount }))
      : null,
    files.length === 0 && TO_ACKNOWLEDGE.concat("acknowledged").includes(status)
      ? h("p", { class: "quiet" }, t("Its files are no longer kept. Send again makes them again."))
      : null,
  ];
}

function covered([first, last], asOf) {
  const when = calendar.dayAndTime(asOf);
  return first === last
    ? t("Publication {last}; shows the data of {when}.", { last, when })
    : t("Publications {first} to {last}; shows the data of {when}.", { first, last, when });
}

function tried(attempts) {
  return t("Attempts to send: {attempts}.", { attempts: number(attempts) });
}

/** What is worth knowing of a file; the manifest has no rows. */
function facts({ bytes, rows, missing, estimated }) {
  if (rows === undefined) return t("lists the files, with their sums");
  return [
    t("{size}, {rows} rows", { size: size(bytes), rows: number(rows) }),
    missing ? t("{count} missing", { count: number(missing) }) : null,
    estimated ? t("{count} not measured", { count: number(estimated) }) : null,
  ]
    .filter(Boolean)
    .join(", ");
}
