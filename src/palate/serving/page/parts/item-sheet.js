// All about one item, over the page: what the catalogue says, what is near it, what to do with it.

import { ask } from "../api.js";
import { learn, runNamed } from "../catalogue.js";
import { h, put } from "../dom.js";
import { act } from "../deeds.js";
import { state } from "../state.js";
import { deeds, tile, title } from "./items.js";
import { announce, dialog, failed, oops, toast, waiting } from "./notices.js";

const SHOWN = 6; // near items

export function openItem(item) {
  const facts = h("dl", { class: "facts" });
  const near = h("div", {}, waiting(2));
  const sheet = dialog("item", { title: item.title },
    deeds(item, async (kind) => {
      try {
        await act(item, kind);
        announce(`${kind}_done`, { title: item.title });
        sheet.close();
      } catch (error) {
        toast(oops(error), { bad: true });
      }
    }), facts, h("h3", { t: "near" }), near);
  write(facts, item);
  sheet.open();
  look();

  async function look() {
    try {
      const found = await ask(`items/${encodeURIComponent(item.item)}/similar`, {
        query: { run: runNamed(state.run), k: SHOWN } });
      learn(found.item, found.items);
      write(facts, found.item);
      put(near, h("p", { class: "about", t: `near_by_${found.by}` }),
        h("ul", { class: "near" }, found.items.map((one) => h("li", {}, tile(one), change(one)))));
    } catch (error) {
      put(near, failed(error, look));
    }
  }

  /** A near item's title, which takes the place of what is shown. */
  function change(one) {
    const button = title(one, { tag: "span" });
    return h("button", { type: "button", class: "link", on: { click: () => { sheet.close(); openItem(one); } } }, button);
  }
}

function write(facts, item) {
  const told = Object.entries(item.attributes ?? {}).filter(([, value]) => value !== null && value !== "");
  put(facts,
    told.map(([name, value]) => [
      h("dt", { dir: "auto" }, name.replaceAll("_", " ")),
      h("dd", { dir: "auto" }, Array.isArray(value) ? value.join(", ") : String(value)),
    ]),
    h("dt", { t: "item_id" }), h("dd", { dir: "auto" }, item.item));
}
