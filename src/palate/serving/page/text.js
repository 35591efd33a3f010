// The page's text: every word of it stands in text/LANGUAGE.json, and follows the language at once.

import { kept, keep } from "./kept.js";

export const LANGUAGES = { en: "English", zh: "中文" };

let words = {};
let language = "en";
const tellers = new WeakMap(); // element -> Map of attribute (null: content) to what tells it
const speaking = new Set(); // weak references to those elements, wherever they are kept meanwhile
const gone = new FinalizationRegistry((reference) => speaking.delete(reference));

/** The language that was chosen, or the browser's. */
export function preferred() {
  const chosen = kept("language");
  if (chosen in LANGUAGES) return chosen;
  const asked = navigator.languages.map((one) => one.slice(0, 2).toLowerCase());
  return asked.find((one) => one in LANGUAGES) ?? "en";
}

export function spoken() {
  return language;
}

/** Have the page speak a language. */
export async function speak(code) {
  const answer = await fetch(new URL(`text/${code}.json`, import.meta.url));
  words = await answer.json();
  language = code;
  document.documentElement.lang = code === "zh" ? "zh-Hans" : code;
  for (const reference of speaking) {
    for (const write of tellers.get(reference.deref())?.values() ?? []) write();
  }
}

export async function choose(code) {
  keep("language", code);
  await speak(code);
}

function template(key, values) {
  const found = words[key];
  if (found === undefined) throw new Error(`no text '${key}'`);
  if (typeof found === "string") return found;
  return found[new Intl.PluralRules(language).select(values.n)] ?? found.other;
}

/** Text, with numbers in the language's manner. */
export function say(key, values = {}) {
  return phrase(key, values).map((one) => (one instanceof Node ? one.textContent : one)).join("");
}

/** Text whose values may be elements: strings and nodes, in order. */
export function phrase(key, values = {}) {
  return template(key, values)
    .split(/(\{\w+\})/)
    .filter((part) => part !== "")
    .flatMap((part) => {
      if (!/^\{\w+\}$/.test(part)) return [part];
      let value = values[part.slice(1, -1)];
      if (typeof value === "function") value = value();
      return [value].flat().map((one) => (typeof one === "number" ? number(one) : one));
    });
}

/** Put text into an element, or an attribute of it, and again whenever the language changes. */
export function told(element, key, values = {}, attribute = null) {
  tell(element, attribute, () => {
    if (attribute === null) element.replaceChildren(...phrase(key, values));
    else element.setAttribute(attribute, say(key, values));
  });
}

/** Run what writes an element, and again whenever the language changes. */
export function tell(element, name, write) {
  if (!tellers.has(element)) {
    tellers.set(element, new Map());
    const reference = new WeakRef(element);
    speaking.add(reference);
    gone.register(element, reference);
  }
  tellers.get(element).set(name, write);
  write();
}

export function number(value, options = {}) {
  return new Intl.NumberFormat(language, options).format(value);
}

/** A score or a change of one: three digits that mean something. */
export function score(value, sign = false) {
  const small = Math.abs(value) > 0 && Math.abs(value) < 0.0005;
  const digits = Math.abs(value) >= 100
    ? { maximumFractionDigits: 0 } : { minimumSignificantDigits: 3, maximumSignificantDigits: 3 };
  return number(value, {
    ...digits, notation: small ? "scientific" : "standard", signDisplay: sign ? "exceptZero" : "auto",
  });
}

/** Several things in a row, as the language joins them: strings and nodes. */
export function joined(things) {
  const marks = things.map((_, place) => `\u0000${place}`);
  return new Intl.ListFormat(language, { type: "conjunction" })
    .formatToParts(marks)
    .map((part) => (part.type === "element" ? things[Number(part.value.slice(1))] : part.value));
}

/** Seconds, bytes or milliseconds as people say them. */
export function amount(kind, value) {
  if (value === null || value === undefined) return "–";
  if (kind === "size") {
    const mib = value / 2 ** 20;
    return `${number(mib, { maximumFractionDigits: mib < 10 ? 1 : 0 })} MiB`;
  }
  if (kind === "seconds" || kind === "milliseconds") return time(kind === "seconds" ? value : value / 1000);
  return number(value, { maximumFractionDigits: 0 });
}

function time(seconds) {
  const [unit, , length] = [["hour", 7200, 3600], ["minute", 120, 60], ["second", 1, 1], ["millisecond", 0, 0.001]]
    .find(([, least]) => seconds >= least);
  const value = seconds / length;
  return number(value, { style: "unit", unit, unitDisplay: "short", maximumSignificantDigits: value < 100 ? 2 : 3 });
}
