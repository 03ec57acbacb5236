/** Texts that are copied or read as they are: curl lines, JSON, tokens. */

import { number } from "./language.js";

/** A request as a line for the shell. Every word is quoted, so that it can be pasted. */
export function curl({ method = "GET", url, headers = {}, form = null, json = null }) {
  const words = ["curl", "-s"];
  if (method !== "GET" && !form) words.push("-X", method);
  for (const [name, value] of Object.entries(headers)) words.push("-H", quoted(`${name}: ${value}`));
  for (const [name, value] of Object.entries(form ?? {}))
    words.push("--data-urlencode", quoted(`${name}=${value}`));
  if (json !== null) words.push("--data", quoted(json));
  return [...words, quoted(url)].join(" ");
}

function quoted(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The query part of a URL; an array repeats its name, and what is empty is left out. */
export function query(parameters) {
  const pairs = Object.entries(parameters).flatMap(([name, value]) =>
    [value].flat().map((each) => [name, each]),
  );
  const written = new URLSearchParams(
    pairs.filter(([, value]) => value !== "" && value !== null && value !== undefined),
  );
  const text = written.toString();
  return text ? `?${text}` : "";
}

/**
 * JSON with line breaks and indents, every number and text exactly as it came: 0.500 stays 0.500.
 * An array of plain values stays on one line, and so does an object of plain values that fits.
 */
export function laidOut(json) {
  const tokens = json.match(/"(?:[^"\\]|\\.)*"|[[\]{}:,]|[^\s[\]{}:,"]+/g) ?? [];
  let text = "";
  let depth = 0;
  const line = () => `\n${"  ".repeat(depth)}`;
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at];
    const plain = token === "[" || token === "{" ? plainUntil(tokens, at) : -1;
    if (plain > 0) {
      text += onOneLine(tokens.slice(at, plain + 1));
      at = plain;
    } else if (token === "{" || token === "[") {
      depth++;
      text += token + line();
    } else if (token === "}" || token === "]") {
      depth--;
      text += line() + token;
    } else if (token === ",") text += `,${line()}`;
    else if (token === ":") text += ": ";
    else text += token;
  }
  return text;
}

const LONGEST_LINE = 150;

/** Where a bracket closes that holds nothing nested and is short; -1 for others. */
function plainUntil(tokens, opened) {
  let length = 0;
  for (let at = opened + 1; at < tokens.length; at++) {
    if (tokens[at] === "[" || tokens[at] === "{") return -1;
    if (tokens[at] === "]" || tokens[at] === "}") return at;
    length += tokens[at].length + 1;
    if (tokens[opened] === "{" && length > LONGEST_LINE) return -1;
  }
  return -1;
}

function onOneLine(tokens) {
  return tokens.map((token) => (token === "," || token === ":" ? `${token} ` : token)).join("");
}

/** Header and claims of a signed token. Throws for any other text. */
export function decoded(token) {
  const [header, claims] = token.split(".").slice(0, 2).map(part);
  return { header, claims };
}

function part(text) {
  const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) =>
    letter.charCodeAt(0),
  );
  return JSON.parse(new TextDecoder().decode(bytes));
}

/** "1.4 MB", for sizes of files; "1,4 MB" in Norwegian. */
export function size(bytes) {
  const units = ["B", "kB", "MB", "GB"];
  const step = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  return `${number(bytes / 1000 ** step, { maximumFractionDigits: step ? 1 : 0 })} ${units[step]}`;
}

/** "2 min 5 s", for countdowns. */
export function duration(seconds) {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}
