// Why an item is recommended: what in the history drove it, in words and as bars.

import { learn } from "../catalogue.js";
import { h } from "../dom.js";
import { joined, number, score, tell, phrase } from "../text.js";
import { title } from "./items.js";

const NAMED = 3; // items that the sentence names

/** The sentence; it says no more than the figures. */
export function sentence(explained) {
  const helping = explained.influences.filter((one) => one.change > 0).slice(0, NAMED);
  const element = h("p", { class: "reason" });
  if (helping.length === 0) {
    const any = explained.influences.some((one) => one.change !== 0);
    tell(element, null, () => element.replaceChildren(...phrase(any ? "in_spite" : "for_everyone")));
    return element;
  }
  const driver = (one) => h("span", { class: "driver", data: { driver: one.item }, dir: "auto" }, one.title);
  tell(element, null, () => element.replaceChildren(
    ...phrase("because_of", { titles: () => joined(helping.map(driver)) })));
  return element;
}

/** The items of the history that did most, for and against, each with what it is worth; and what
 * the server remarks on how it found out. */
export function influences(explained, notes = []) {
  learn(explained.influences);
  const most = Math.max(...explained.influences.map((one) => Math.abs(one.change)), Number.MIN_VALUE);
  const rows = explained.influences.filter((one) => one.change !== 0).map((one) => {
    const bar = h("span", { class: one.change > 0 ? "bar for" : "bar against" });
    bar.style.width = `${Math.max(2, (100 * Math.abs(one.change)) / most)}%`;
    const figure = h("span", { class: "figure" });
    tell(figure, null, () => figure.replaceChildren(score(one.change, true)));
    return h("li", { data: { driver: one.item } },
      title(one), h("span", { class: "track", "aria-hidden": "true" }, bar), figure,
      h("small", { t: ["without_it", { rank: () => number(one.rank_without) }] }));
  });
  return h("div", { class: "influences" },
    notes.map((one) => h("p", { class: "note", lang: "en", dir: "auto" }, one)),
    h("p", { class: "about", t: rows.length ? ["influences_about", { rank: explained.rank, of: explained.candidates }] : "for_everyone" }),
    rows.length ? h("ul", {}, rows) : null);
}

/** While one points at a recommendation, the history shows what drove it; and the other way. */
export function lightDrivers(root) {
  const light = (event) => {
    const near = event.target.closest?.("[data-drivers], [data-driver], [data-had]");
    for (const one of root.querySelectorAll(".lit")) one.classList.remove("lit");
    if (!near || event.type === "pointerleave" || event.type === "focusout") return;
    const drivers = near.dataset.drivers ? JSON.parse(near.dataset.drivers) : [near.dataset.driver ?? near.dataset.had];
    const own = (name) => [...root.querySelectorAll(`[data-${name}]`)];
    for (const one of own("had")) one.classList.toggle("lit", drivers.includes(one.dataset.had));
    if (near.dataset.had) {
      for (const one of own("drivers")) {
        one.classList.toggle("lit", JSON.parse(one.dataset.drivers).includes(near.dataset.had));
      }
    }
  };
  for (const event of ["pointerover", "pointerleave", "focusin", "focusout"]) root.addEventListener(event, light);
}
