// What the page has heard of items and runs.

import { ask } from "./api.js";

const items = new Map();
const details = new Map();
let listed = [];

/** Remember items out of an answer; gives them back. */
export function learn(...answers) {
  for (const one of answers.flat()) {
    const before = items.get(one.item);
    items.set(one.item, { item: one.item, title: one.title, attributes: one.attributes ?? before?.attributes ?? {} });
  }
  return answers.flat();
}

/** An item that was heard of; of others the id has to do. */
export function itemOf(id) {
  return items.get(id) ?? { item: id, title: id, attributes: {} };
}

/** Items by id, those that were not heard of asked for; ids that mean nothing stand for themselves. */
export async function itemsOf(ids, signal) {
  const missing = [...new Set(ids)].filter((one) => !items.has(one));
  const width = 8; // at once
  for (let start = 0; start < missing.length; start += width) {
    const some = missing.slice(start, start + width);
    const answers = await Promise.allSettled(
      some.map((one) => ask(`items/${encodeURIComponent(one)}`, { signal })));
    signal?.throwIfAborted();
    learn(answers.filter((one) => one.status === "fulfilled").map((one) => one.value));
  }
  return ids.map(itemOf);
}

/** The runs that are served; the first is the default. */
export async function runs(signal) {
  listed = (await ask("runs", { signal })).runs;
  return listed;
}

export const runsHeard = () => listed;

/** The name of the run that answers. */
export function runNamed(name) {
  return listed.some((one) => one.name === name) ? name : listed[0]?.name ?? null;
}

/** A run in detail; asked for anew each time a view opens, since versions change. */
export async function runOf(name, signal) {
  const found = await ask(`runs/${encodeURIComponent(name)}`, { signal });
  details.set(name, found);
  return found;
}

export async function attributesOf(name, signal) {
  return (details.get(name) ?? (await runOf(name, signal))).attributes;
}

/** Columns that hold few values, and columns of numbers. */
export function facets(attributes) {
  const numeric = (one) => one.min !== null && one.max !== null && one.min < one.max;
  return {
    labels: attributes.filter((one) => !numeric(one) && one.values.length > 1 && one.values.length <= 60),
    numbers: attributes.filter(numeric),
  };
}

const LISTED = /\s*[,|;]\s*/;
const SHORT = 40; // characters of what is a label and not a text

/** What the catalogue says of an item in few words: a number such as its year first. */
export function labels(item, most = 4) {
  const numbers = [], words = [];
  for (const value of Object.values(item.attributes ?? {})) {
    const parts = Array.isArray(value) ? value.map(String) : String(value ?? "").split(LISTED);
    for (const part of parts) {
      if (part === "" || part.length > SHORT) continue;
      (Number.isFinite(Number(part)) ? numbers : words).push(part);
    }
  }
  return [...numbers, ...words].slice(0, most);
}

/** A colour of the page's eight for an item: items of one kind share it. */
export function colour(item) {
  const words = labels(item, 10).filter((one) => !Number.isFinite(Number(one)));
  const text = words[0] ?? item.title;
  let sum = 2166136261; // FNV-1a
  for (const letter of text) sum = Math.imul(sum ^ letter.codePointAt(0), 16777619) >>> 0;
  return sum % 8;
}
