/** The views of a metering point, and the period that each of them shows. */

import * as calendar from "../calendar.js";
import { t } from "../language.js";

export const VIEWS = {
  day: { text: t("Day"), period: "day" },
  week: { text: t("Week"), period: "week" },
  month: { text: t("Month"), period: "month" },
  year: { text: t("Year"), period: "year" },
  years: { text: t("Two years"), period: "year" },
  completeness: { text: t("Completeness"), period: "year" },
};

/** The period of a view that a market day lies in. */
export function period(view, day) {
  return calendar.period(VIEWS[view].period, day);
}
