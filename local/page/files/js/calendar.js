/**
 * Market days: local days in Europe/Oslo, written "2026-03-29", with 23, 24 or 25 hours.
 * Moments are milliseconds since 1970. Periods are half-open.
 */

import { locale, t } from "./language.js";

export const ZONE = "Europe/Oslo";
export const HOUR = 3_600_000;

const wallClock = new Intl.DateTimeFormat("en-GB", {
  timeZone: ZONE,
  hourCycle: "h23",
  year: "numeric",
  month: "2-digit",
  day: "2-digit",
  hour: "2-digit",
  minute: "2-digit",
});

/** What the clock on an Oslo wall shows: { day: "2026-03-29", hour: 3, minute: 0 }. */
export function wall(moment) {
  const parts = Object.fromEntries(wallClock.formatToParts(moment).map(({ type, value }) => [type, value]));
  return {
    day: `${parts.year}-${parts.month}-${parts.day}`,
    hour: Number(parts.hour),
    minute: Number(parts.minute),
  };
}

/** The market day that a moment lies in. */
export function dayOf(moment) {
  return wall(moment).day;
}

/** How far Oslo is ahead of UTC at a moment, in milliseconds. */
export function offset(moment) {
  const { day, hour, minute } = wall(moment);
  return Date.parse(`${day}T00:00Z`) + hour * HOUR + minute * 60_000 - Math.floor(moment / 60_000) * 60_000;
}

/** The first moment of a market day. */
export function startOf(day) {
  const midnightUtc = Date.parse(`${day}T00:00Z`);
  // Clocks change at 01:00 UTC, so the two hours before midnight UTC, in which Oslo's midnight lies, agree.
  return midnightUtc - offset(midnightUtc - HOUR);
}

export function endOf(day) {
  return startOf(addDays(day, 1));
}

/** The middle of a market day. */
export function noon(day) {
  return (startOf(day) + endOf(day)) / 2;
}

export function hoursIn(day) {
  return (endOf(day) - startOf(day)) / HOUR;
}

export function addDays(day, count) {
  return new Date(Date.parse(`${day}T00:00Z`) + count * 24 * HOUR).toISOString().slice(0, 10);
}

export function daysBetween(from, to) {
  return Math.round((Date.parse(`${to}T00:00Z`) - Date.parse(`${from}T00:00Z`)) / (24 * HOUR));
}

/** Every market day of [from, to). */
export function days(from, to) {
  return Array.from({ length: daysBetween(from, to) }, (_, place) => addDays(from, place));
}

/** Where the clocks change within a market day: { at, forward }, or null on the other 363 days. */
export function clockChange(day) {
  const start = startOf(day);
  const hours = hoursIn(day);
  if (hours === 24) return null;
  const before = offset(start);
  let at = start;
  while (offset(at) === before) at += HOUR;
  return { at, forward: hours === 23 };
}

/** The period of a view ("day", "week", "month", "year") that a market day lies in. */
export function period(view, day) {
  const from = PERIOD_START[view](day);
  return { view, from, to: PERIOD_END[view](from) };
}

/** The neighbouring period of the same view: `step` is 1 or -1. */
export function neighbour({ view, from, to }, step) {
  return period(view, step > 0 ? to : addDays(from, -1));
}

const PERIOD_START = {
  day: (day) => day,
  week: (day) => addDays(day, -((weekday(day) + 6) % 7)),
  month: (day) => `${day.slice(0, 7)}-01`,
  year: (day) => `${day.slice(0, 4)}-01-01`,
};

const PERIOD_END = {
  day: (from) => addDays(from, 1),
  week: (from) => addDays(from, 7),
  month: (from) => `${addDays(from, 31).slice(0, 7)}-01`,
  year: (from) => `${Number(from.slice(0, 4)) + 1}-01-01`,
};

function weekday(day) {
  return new Date(`${day}T00:00Z`).getUTCDay();
}

/** ISO 8601: the week that has the year's first Thursday is the first. */
export function weekNumber(day) {
  const thursday = addDays(PERIOD_START.week(day), 3);
  return Math.floor(daysBetween(`${thursday.slice(0, 4)}-01-01`, thursday) / 7) + 1;
}

/** A period in words: "Sunday 29 March 2026", "Week 13, 23–29 March 2026", "March 2026", "2026". */
export function title({ view, from, to }) {
  if (view === "day")
    return capitalised(written(from, { weekday: "long", day: "numeric", month: "long", year: "numeric" }));
  if (view === "month") return capitalised(written(from, { month: "long", year: "numeric" }));
  if (view === "year") return from.slice(0, 4);
  const last = addDays(to, -1);
  const short =
    from.slice(0, 7) === last.slice(0, 7) ? { day: "numeric" } : { day: "numeric", month: "long" };
  const until = written(last, { day: "numeric", month: "long", year: "numeric" });
  return t("Week {number}, {from}–{until}", { number: weekNumber(from), from: written(from, short), until });
}

/** Norwegian writes names of days and months with a small letter, but not at the start of a title. */
function capitalised(text) {
  return text[0].toUpperCase() + text.slice(1);
}

/** A market day, written with the fields of Intl.DateTimeFormat. */
export function written(day, fields) {
  return new Intl.DateTimeFormat(locale(), { timeZone: "UTC", ...fields })
    .format(Date.parse(`${day}T00:00Z`))
    .replace(",", "");
}

/** "28 Nov", or "28 Nov 2026" with `year`. */
export function short(day, { year = false } = {}) {
  return written(day, { day: "numeric", month: "short", ...(year && { year: "numeric" }) });
}

/** "03:00": what the wall clock shows. */
export function clock(moment) {
  const { hour, minute } = wall(moment);
  return `${String(hour).padStart(2, "0")}:${String(minute).padStart(2, "0")}`;
}

/** "28 Nov at 13:05": a moment of an answer, such as "2026-11-28T12:05:00Z". */
export function dayAndTime(text) {
  const at = Date.parse(text);
  return t("{day} at {time}", { day: short(dayOf(at)), time: clock(at) });
}

/** "+02:00" in summer, "+01:00" in winter. */
export function offsetText(moment) {
  return `+0${offset(moment) / HOUR}:00`;
}

/** The whole hours of a market day that a time axis names, `every` hours of the wall clock apart. */
export function hourMarks(day, every) {
  const marks = [];
  for (let at = startOf(day); at <= endOf(day); at += HOUR) {
    const { hour, day: wallDay } = wall(at);
    if (wallDay !== day) marks.push({ at, text: "24" });
    else if (hour % every === 0) marks.push({ at, text: String(hour).padStart(2, "0") });
  }
  return marks;
}
