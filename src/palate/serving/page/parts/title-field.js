// A field that completes titles of the catalogue.

import { ask } from "../api.js";
import { itemOf, labels, learn, runNamed } from "../catalogue.js";
import { state } from "../state.js";
import { combobox } from "./combobox.js";

const OFFERED = 8;

/** @param {{label: string, hint: string, seen?: boolean, chosen: (item: object) => void}} how */
export function titleField({ label, hint, seen, chosen }) {
  return combobox({
    label, hint, seen,
    find: async (text, signal) => {
      if (!text) return [];
      const found = await ask("search", {
        query: { q: text, by: "title", run: runNamed(state.run), k: OFFERED }, signal });
      return learn(found.items).map((one) => ({ value: one.item, text: one.title, notes: labels(one, 3) }));
    },
    chosen: (option) => chosen(itemOf(option.value)),
  });
}
