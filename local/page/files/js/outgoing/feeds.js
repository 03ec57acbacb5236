/** Feeds: files made after each publication. Make one, follow what it made, and delete it. */

import * as api from "../api.js";
import * as calendar from "../calendar.js";
import { disclosure, fill, h, refill } from "../dom.js";
import { number, t } from "../language.js";
import * as problems from "../problems.js";
import { button, perform } from "./action.js";
import { DIRECTIONS, RESOLUTIONS, choice, direction, directions, field, line, words } from "./form.js";
import * as ledger from "./ledger.js";

const EACH_PUBLICATION = "each-publication";
const DAILY = "daily";
const LAST_DAYS = "last-days";
const CONTENTS = { "new-and-corrected": t("what is new or corrected"), [LAST_DAYS]: t("the last days, whole") };
const SPLITS = {
  "one-file": t("one file"),
  "per-metering-point": t("a file for each metering point"),
  "per-customer": t("a file for each customer"),
};

/** Show the form and the caller's feeds in `host`. */
export async function show(host, state, { demo, contract }) {
  const scene = {
    caller: { demo, caller: state.caller, pretence: state.pretence },
    customers: [...new Set(state.points.map(({ customerNumber }) => customerNumber))],
    answer: h("div", { class: "answer" }),
    list: h("div", {}),
    opened: new Set(),
  };
  fill(
    host,
    h(
      "section",
      { class: "card", "aria-labelledby": "feed-title" },
      h("h2", { id: "feed-title" }, t("Make a feed")),
      h(
        "p",
        {},
        t("A feed makes files after each publication or once a day, and keeps them for 35 days."),
        " ",
        h("a", { href: "/pages/guides/feeds", hreflang: "en" }, t("Guide to feeds")),
      ),
      form(scene, contract),
      scene.answer,
    ),
    h(
      "section",
      { class: "card", "aria-labelledby": "feeds-title" },
      h("h2", { id: "feeds-title" }, t("Your feeds")),
      scene.list,
    ),
  );
  await refresh(scene);
}

function form(scene, contract) {
  const schemas = contract.components.schemas;
  const controls = {
    id: line("feed-id", { value: "daily" }),
    name: line("feed-name", { value: t("Daily values") }),
    customer: choice("feed-customer", [
      ["", t("All metering points")],
      ...scene.customers.map((number) => [String(number), t("Customer {number}", { number })]),
    ]),
    direction: direction("feed-direction", "consumption"),
    format: choice("feed-format", words(schemas.FileFormat.enum, {})),
    content: choice("feed-content", words(schemas.Content.enum, CONTENTS)),
    days: h("input", { id: "feed-days", type: "number", min: 1, max: 35, value: 7 }),
    split: choice("feed-split", words(schemas.Split.enum, SPLITS)),
    when: choice("feed-when", [
      [EACH_PUBLICATION, t("after each publication")],
      [DAILY, t("once a day")],
    ]),
    time: h("input", { id: "feed-time", type: "time", value: "09:30", required: true }),
  };
  const days = field(t("How many days"), controls.days);
  const time = field(t("From this time on"), controls.time);
  const showWhatCounts = () => {
    days.hidden = controls.content.value !== LAST_DAYS;
    time.hidden = controls.when.value !== DAILY;
  };
  controls.content.onchange = controls.when.onchange = showWhatCounts;
  showWhatCounts();
  const send = async (event) => {
    event?.preventDefault();
    const id = controls.id.value.trim();
    await perform(scene.answer, scene.caller, {
      method: "PUT",
      path: path(id),
      json: request(controls),
      again: send,
      outcome: ({ status }) =>
        status === 201 ? t("Feed {id} is made.", { id }) : t("Feed {id} is changed from its next run on.", { id }),
    });
    scene.opened.add(id.toLowerCase());
    await refresh(scene);
  };
  return h(
    "form",
    { onsubmit: send },
    field(t("Id (your choice)"), controls.id, { hint: t("Letters a to z, digits and hyphens.") }),
    field(t("Name"), controls.name),
    scene.customers.length > 1 ? field(t("Metering points"), controls.customer) : null,
    field(t("Direction"), controls.direction),
    field(t("Format"), controls.format),
    field(t("Files of a run"), controls.split),
    field(t("Content"), controls.content),
    days,
    field(t("When"), controls.when),
    time,
    h("p", {}, h("button", { type: "submit", class: "primary" }, t("Make the feed"))),
  );
}

function path(id) {
  return `/feeds/${encodeURIComponent(id)}`;
}

function request({ name, customer, direction: chosen, format, content, days, split, when, time }) {
  return {
    name: name.value,
    ...(customer.value && { customerNumber: Number(customer.value) }),
    directions: directions(chosen),
    form: { format: format.value },
    split: split.value,
    content: content.value,
    ...(content.value === LAST_DAYS && days.value && { days: Number(days.value) }),
    when: when.value === DAILY ? time.value : EACH_PUBLICATION,
  };
}

async function refresh(scene) {
  const { demo, caller, pretence } = scene.caller;
  scene.list.setAttribute("aria-busy", "true");
  try {
    const record = await api.call(demo, caller, "/feeds", { pretence });
    if (record.status !== 200) throw new api.Refused(record);
    const { feeds } = record.json;
    // The newest files of the first one are seen at once.
    if (!scene.isListed && feeds.length) scene.opened.add(feeds[0].feedId);
    scene.isListed = true;
    refill(
      scene.list,
      feeds.length === 0
        ? h("p", { class: "quiet" }, t("There are none yet."))
        : feeds.map((feed) => described(feed, scene)),
    );
  } catch (error) {
    fill(scene.list, problems.failed(error, { again: () => refresh(scene) }));
  } finally {
    scene.list.removeAttribute("aria-busy");
  }
}

function described(feed, scene) {
  const { feedId, name, paused, receiver, createdAt } = feed;
  const runs = disclosure(t("Runs and files"), () => ledger.runs(feed, scene.caller), {
    open: scene.opened.has(feedId),
  });
  runs.addEventListener("toggle", () => scene.opened[runs.open ? "add" : "delete"](feedId));
  return h(
    "article",
    { class: "entry", "aria-label": name },
    h(
      "div",
      { class: "entry-head" },
      h("h3", {}, name),
      receiver === "links" ? null : h("span", { class: "tag" }, receiver.toUpperCase()),
      paused ? h("span", { class: "state failed" }, t("paused by us")) : null,
      button(t("Delete"), feedId, () => remove(feed, scene)),
    ),
    h("p", { class: "quiet" }, summary(feed)),
    h(
      "p",
      { class: "quiet" },
      h("code", {}, feedId),
      ` · ${t("made {when}", { when: calendar.dayAndTime(createdAt) })}`,
    ),
    runs,
  );
}

/** What a feed sends, in a line of words. */
function summary({ form, directions: sent, customerNumber, split, content, days, when, resolution }) {
  return [
    form.format,
    sent.map((each) => DIRECTIONS[each] ?? each).join(", "),
    customerNumber === null ? t("All metering points") : t("Customer {number}", { number: customerNumber }),
    content === LAST_DAYS ? t("Last {days} days", { days: number(days) }) : (CONTENTS[content] ?? content),
    SPLITS[split] ?? split,
    resolution === null ? null : (RESOLUTIONS[resolution] ?? resolution),
    when === EACH_PUBLICATION ? t("after each publication") : t("daily from {time}", { time: when }),
  ]
    .filter(Boolean)
    .join(" · ");
}

async function remove(feed, scene) {
  if (!confirm(t("Delete the feed {name} with everything that it made?", { name: feed.name }))) return;
  await perform(scene.answer, scene.caller, {
    method: "DELETE",
    path: path(feed.feedId),
    again: () => remove(feed, scene),
    outcome: () => t("Feed {id} is deleted.", { id: feed.feedId }),
  });
  scene.opened.delete(feed.feedId);
  await refresh(scene);
}
