/** What the page shows, in its address, such as #tab=series&caller=kari&point=7070…&view=year&day=2026-03-29. */

import { VIEWS } from "./plot/views.js";

export const TABS = ["overview", "series", "files", "webhooks", "calls"];
export const FILES = ["exports", "feeds"];
export const DIRECTIONS = ["consumption", "production"];

/** The part of the state that the address says; what it does not say is left out. `hash` begins with "#". */
export function read(hash) {
  const given = Object.fromEntries(new URLSearchParams(hash.slice(1)));
  const state = { callerName: given.caller, wanted: given.point };
  if (given.view in VIEWS) state.view = given.view;
  if (DIRECTIONS.includes(given.direction)) state.direction = given.direction;
  if (/^\d{4}-\d\d-\d\d$/.test(given.day)) state.day = given.day;
  if (FILES.includes(given.files)) state.files = given.files;
  if (TABS.includes(given.tab)) state.tab = given.tab;
  else if (given.point || given.view) state.tab = "series";
  return Object.fromEntries(Object.entries(state).filter(([, value]) => value !== undefined));
}

/** The address of a state. */
export function write({ tab, files, caller, point, direction, view, day }) {
  return `#${new URLSearchParams({
    tab,
    ...(tab === "files" && { files }),
    caller: caller.name,
    ...(point && { point: point.meteringPointId }),
    direction,
    view,
    ...(day && { day }),
  })}`;
}
