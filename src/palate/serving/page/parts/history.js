// What a list is made from: what the person had, and what they refused.

import { ask } from "../api.js";
import { itemOf, itemsOf, learn, runNamed } from "../catalogue.js";
import { act, forget, stranger } from "../deeds.js";
import { h, icon, put } from "../dom.js";
import { state } from "../state.js";
import { title } from "./items.js";
import { announce, empty, failed, oops, toast, waiting } from "./notices.js";
import { titleField } from "./title-field.js";

const FEW = 6; // of a history, before all are asked for

/** A panel: { element, refresh }. */
export function historyPanel() {
  const count = h("span", { class: "count" });
  const body = h("div", { class: "had" });
  const field = titleField({ label: "add_title", hint: "add_hint", chosen: add });
  let all = false, told = { had: [], not: [] };
  const element = h("section", { class: "panel history", "aria-labelledby": "history-heading" },
    h("div", { class: "panel-top" }, h("h2", { id: "history-heading", t: "history" }), count),
    field.element, body);

  async function add(item) {
    try {
      await act(item, "like");
      announce("like_done", { title: item.title });
      field.input.focus();
    } catch (error) {
      toast(oops(error), { bad: true });
    }
  }

  async function refresh(signal) {
    element.hidden = stranger() && state.not.length === 0; // the page asks for a first title elsewhere
    if (!body.childElementCount) put(body, waiting(3));
    try {
      told = state.user === null ? await own(signal) : await known(signal);
      write();
    } catch (error) {
      if (error.name !== "AbortError") put(body, failed(error, () => refresh()));
    }
  }

  async function own(signal) {
    await itemsOf([...state.had, ...state.not], signal);
    return { had: [...state.had].reverse().map(itemOf), not: [...state.not].reverse().map(itemOf) };
  }

  async function known(signal) {
    const found = await ask(`users/${encodeURIComponent(state.user)}`, {
      query: { run: runNamed(state.run) }, signal });
    learn(found.history, found.refused);
    return { had: found.history, not: found.refused };
  }

  function write() {
    const { had, not } = told;
    put(count, had.length ? h("span", { t: ["n_items", { n: had.length }] }) : null);
    const shown = all ? had : had.slice(0, FEW);
    const before = new Set([...body.querySelectorAll("[data-had]")].map((one) => one.dataset.had));
    put(body,
      had.length ? h("ul", { class: "chips" }, shown.map((one) => entry(one, before))) : empty(state.user === null ? "history_none" : "history_unknown"),
      had.length > FEW ? h("button", {
        type: "button", class: "link", "aria-expanded": String(all),
        t: all ? "show_less" : ["show_all", { n: had.length }], on: { click: () => { all = !all; write(); body.querySelector("button.link")?.focus(); } },
      }) : null,
      not.length ? h("details", { class: "refused" },
        h("summary", { t: ["refused", { n: not.length }] }),
        h("ul", { class: "chips" }, not.map((one) => h("li", {}, title(one),
          h("button", { type: "button", class: "plain", tTitle: "like_after_all", tLabel: ["like_item", { title: one.title }], on: { click: () => add(one) } }, icon("like")))))) : null,
      h("p", { class: "about", t: state.user === null ? "own_about" : "user_about" }));
  }

  function entry(one, before) {
    const fresh = before.size && !before.has(one.item);
    return h("li", { class: fresh ? "fresh" : null, data: { had: one.item } }, title(one),
      state.user === null ? h("button", {
        type: "button", class: "plain", tTitle: "remove", tLabel: ["remove_item", { title: one.title }],
        on: { click: () => { forget(one.item); field.input.focus(); } },
      }, icon("remove")) : null);
  }

  return { element, refresh };
}
