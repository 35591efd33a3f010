// For whom: a user of the server, anyone of them, or a history of one's own.

import { ask } from "../api.js";
import { runNamed, runsHeard } from "../catalogue.js";
import { h, icon, put } from "../dom.js";
import { go, state } from "../state.js";
import { combobox } from "./combobox.js";
import { oops, toast } from "./notices.js";

const OFFERED = 8, DRAWN = 1000;

/** The bar under the page's head: { element, write }. */
export function personBar() {
  const users = combobox({
    label: "user", hint: "user_hint", free: true, find: offered, chosen: ({ value }) => go({ user: value, had: [], not: [] }),
  });
  const now = h("p", { class: "who" });
  const run = h("div", { class: "run-choice" });
  const own = h("button", { type: "button", class: "button", on: { click: () => go({ user: null, had: [], not: [], view: ["list", "chat"].includes(state.view) ? state.view : "list" }) } });
  const element = h("section", { class: "person", tLabel: "for_whom" }, now, users.element,
    h("button", { type: "button", class: "button", on: { click: anyone } }, icon("dice"), h("span", { t: "anyone" })), own, run);

  async function offered(text, signal) {
    const found = await ask("users", { query: { prefix: text, run: runNamed(state.run), limit: OFFERED }, signal });
    return found.users.map((one) => ({ value: one, text: one }));
  }

  async function anyone() {
    try {
      const { users: some } = await ask("users", { query: { run: runNamed(state.run), limit: DRAWN } });
      const others = some.filter((one) => one !== state.user);
      if (others.length) go({ user: others[Math.floor(Math.random() * others.length)], had: [], not: [] });
      else toast(h("span", { t: "nobody" }));
    } catch (error) {
      toast(oops(error), { bad: true });
    }
  }

  function write() {
    put(now, state.user === null ? h("span", { t: state.had.length ? "for_own" : "for_new" })
      : h("span", { t: ["for_user", { user: () => h("bdi", {}, state.user) }] }));
    put(own, h("span", { t: state.user === null ? "start_over" : "own_history" }));
    own.hidden = state.user === null && !state.had.length && !state.not.length;
    put(run, runsHeard().length > 1 ? runSelect("run", runNamed(state.run), (name) => go({ run: name }), "run_of") : null);
  }

  return { element, write };
}

let selects = 0;

/** A choice among the runs. */
export function runSelect(name, value, chosen, label) {
  selects += 1;
  const field = `${name}-${selects}`;
  return [h("label", { for: field, class: "label", t: label }),
    h("select", { id: field, on: { change: (event) => chosen(event.target.value) } },
      runsHeard().map((one) => h("option", { value: one.name, selected: one.name === value }, one.name)))];
}
