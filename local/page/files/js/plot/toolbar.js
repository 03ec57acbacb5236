/** What chooses the metering point, the direction, the view and the period. */

import * as calendar from "../calendar.js";
import { check, fill, find, h, segments } from "../dom.js";
import { t } from "../language.js";
import * as points from "../points.js";
import * as views from "./views.js";

const DIRECTIONS = { consumption: t("Consumption"), production: t("Production") };
const FIRST_MARKET_DAY = "2000-01-01";

const PREVIOUS = {
  day: t("Previous day"),
  week: t("Previous week"),
  month: t("Previous month"),
  year: t("Previous year"),
};
const NEXT = { day: t("Next day"), week: t("Next week"), month: t("Next month"), year: t("Next year") };

/** Make the choices; `state()` is the page's state, `go` changes it and shows it. */
export function setUp({ state, go }) {
  const choices = Object.entries(views.VIEWS).map(([name, { text }]) => [name, text]);
  fill(
    find("#directions"),
    h("legend", {}, t("Direction")),
    segments("direction", Object.entries(DIRECTIONS), { onchange: (direction) => go({ direction }) }),
  );
  fill(
    find("#views"),
    h("legend", {}, t("View")),
    segments("view", choices, { onchange: (view) => go({ view }) }),
  );
  const step = (count) => () => {
    const { view, day } = state();
    go({ day: calendar.neighbour(views.period(view, day), count).from });
  };
  find("#previous").onclick = step(-1);
  find("#next").onclick = step(1);
  find("#latest").onclick = () => go({ day: state().until });
  find("#day").onchange = ({ target }) => target.value >= FIRST_MARKET_DAY && go({ day: target.value });
  find("#point").onchange = ({ target }) =>
    go({ point: state().points.find(({ meteringPointId }) => meteringPointId === target.value) });
}

/** Offer the caller's metering points, in a group for each customer when there is more than one. */
export function offer(all) {
  const byCustomer = new Map();
  for (const point of all)
    byCustomer.set(point.customerNumber, [...(byCustomer.get(point.customerNumber) ?? []), point]);
  const options = (some) =>
    some.map((point) => h("option", { value: point.meteringPointId }, points.name(point)));
  fill(
    find("#point"),
    byCustomer.size > 1
      ? [...byCustomer].map(([customer, some]) =>
          h("optgroup", { label: t("Customer {number}", { number: customer }) }, options(some)),
        )
      : options(all),
  );
}

/** Make the choices show the state. */
export function show({ point, direction, view, day, until }) {
  const period = views.period(view, day);
  find("#point").value = point.meteringPointId;
  fill(find("#point-description"), points.description(point));
  find("#directions").hidden = point.directions.length < 2;
  check("direction", direction);
  check("view", view);
  for (const radio of document.querySelectorAll('input[name="direction"]'))
    radio.disabled = !point.directions.includes(radio.value) && radio.value !== direction;
  find("#day").value = day;
  find("#next").disabled = Boolean(until) && period.to > until;
  find("#previous").setAttribute("aria-label", PREVIOUS[period.view]);
  find("#next").setAttribute("aria-label", NEXT[period.view]);
}
