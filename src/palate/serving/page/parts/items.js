// Items as people see them: a title that opens, what the catalogue says, and what to do with it.

import { colour, labels } from "../catalogue.js";
import { h, icon } from "../dom.js";
import { openItem } from "./item-sheet.js";

/** A title: text whatever it holds, in its own direction. */
export function title(item, { tag = "button" } = {}) {
  const text = h("bdi", {}, item.title);
  if (tag !== "button") return h(tag, { class: "title" }, text);
  return h("button", { type: "button", class: "title", on: { click: () => openItem(item) } }, text);
}

/** Year, genres and the like. */
export function tags(item, most) {
  const found = labels(item, most);
  return found.length ? h("p", { class: "tags" }, found.map((one) => h("span", { class: "tag", dir: "auto" }, one))) : null;
}

/** A tile in the colour of the item's kind. */
export function tile(item, ...content) {
  return h("div", { class: `tile s${colour(item)}` }, content);
}

/**
 * Like, dislike, skip.
 * @param {(kind: string, button: Element) => void} done
 */
export function deeds(item, done, kinds = ["like", "dislike", "skip"]) {
  return h("div", { class: "deeds", role: "group", tLabel: ["deeds_of", { title: item.title }] },
    kinds.map((kind) => h("button", {
      type: "button", class: `deed ${kind}`, data: { kind }, tTitle: kind,
      tLabel: [`${kind}_item`, { title: item.title }],
      on: { click: (event) => done(kind, event.currentTarget) },
    }, icon(kind))));
}

/** A line of a list without a rank: tile, title, tags, and whatever is added. */
export function line(item, ...more) {
  return h("li", { class: "item line-item", data: { key: item.item } },
    tile(item), h("div", { class: "body" }, title(item), tags(item)), more);
}
