// The list: recommendations that change as one likes, dislikes and skips; the history and the talk
// beside it.

import { ask } from "../api.js";
import { learn, runNamed } from "../catalogue.js";
import { act, onDeed, person, stranger } from "../deeds.js";
import { h, put } from "../dom.js";
import { arrange, back, leave } from "../motion.js";
import { chatPanel } from "../parts/chat.js";
import { historyPanel } from "../parts/history.js";
import { announce, empty, failed, oops, toast, waiting } from "../parts/notices.js";
import { lightDrivers } from "../parts/reason.js";
import { recommendation } from "../parts/recommendation.js";
import { titleField } from "../parts/title-field.js";
import { tunePanel } from "../parts/tune.js";
import { go, state } from "../state.js";
import { rowKeys } from "../parts/row-keys.js";

const LENGTH = 10, TOLD = 6; // items of the list; influences of each

/** The view: { element, refresh, opened }. */
export function listView() {
  const heading = h("h1", { tabindex: "-1" });
  const lead = h("p", { class: "lead" });
  const start = titleField({ label: "start_label", hint: "start_hint", seen: true, chosen: begin });
  const hero = h("div", { class: "hero" }, start.element);
  const notes = h("div", { class: "notes" });
  const list = h("ol", { class: "list", tLabel: "recommendations" });
  const place = h("div", { class: "list-place" });
  const tune = tunePanel();
  const past = historyPanel();
  const chat = chatPanel();
  const element = h("div", { class: "home" },
    h("section", { class: "list-side" }, heading, lead, hero, tune.element, notes, place),
    h("aside", { class: "beside", tLabel: "beside" }, past.element, chat.element));
  let asking = null, whose = null, ranks = new Map();

  lightDrivers(element);
  rowKeys(list);
  onDeed((item, kind) => { if (state.user !== null) refresh({ cause: { item, kind } }); });

  async function begin(item) {
    await act(item, "like");
    past.element.querySelector("input")?.focus();
  }

  function head() {
    const name = () => h("bdi", {}, state.user);
    put(heading, h("span", state.user !== null ? { t: ["title_user", { user: name }] } : { t: stranger() ? "title_new" : "title_own" }));
    put(lead, h("span", { t: stranger() ? "lead_new" : "lead_known" }));
    hero.hidden = !stranger();
  }

  /** Ask for the list again. */
  async function refresh({ cause } = {}) {
    asking?.abort();
    const { signal } = (asking = new AbortController());
    const run = runNamed(state.run);
    const now = JSON.stringify([state.user, run]);
    const same = whose === now && list.isConnected && list.childElementCount > 0;
    head();
    tune.refresh(run);
    chat.refresh();
    if (!same) {
      ranks = new Map();
      put(notes);
      put(list);
      put(place, waiting(6));
    }
    past.refresh(signal);
    list.setAttribute("aria-busy", "true");
    try {
      const found = await ask("recommend", { signal, body: wish(run) });
      whose = now;
      show(found, same, cause);
      await explain(found, run, signal);
    } catch (error) {
      if (error.name === "AbortError") return;
      whose = null;
      put(list);
      put(place, failed(error, () => refresh()));
    } finally {
      if (!signal.aborted) list.removeAttribute("aria-busy");
    }
  }

  function wish(run) {
    return { ...person(), run, k: LENGTH, diversity: state.variety, filters: state.filters,
      ...(state.user === null ? { exclude: state.not } : {}) };
  }

  function show(found, same, cause) {
    const items = learn(found.items) && found.items;
    put(notes, found.notes.filter(() => !stranger()).map((one) =>
      h("p", { class: "note", lang: "en", dir: "auto" }, one)));
    if (!items.length) {
      put(list);
      put(place, empty("list_none", {}, Object.keys(state.filters).length
        ? h("button", { type: "button", class: "button", t: "tune_clear", on: { click: () => go({ filters: {}, variety: 0 }) } }) : null));
      return;
    }
    if (!list.isConnected) put(place, list);
    const low = items.at(-1).score, high = items[0].score;
    const lowest = Math.min(low, ...items.map((one) => one.score));
    const byId = new Map(items.map((one) => [one.item, one]));
    const focused = list.contains(document.activeElement) ? document.activeElement : null;
    arrange(list, items.map((one) => one.item), (key) => {
      const row = recommendation(byId.get(key), done);
      row.reasoning();
      return row;
    });
    focused?.focus({ preventScroll: true });
    let fresh = 0, moved = 0;
    for (const one of items) {
      const before = same ? ranks.get(one.item) ?? null : undefined;
      fresh += before === null;
      moved += before !== undefined && before !== null && before !== one.rank;
      rowOf(one.item).update(one, before, lowest, Math.max(high, ...items.map((each) => each.score)));
    }
    ranks = new Map(items.map((one) => [one.item, one.rank]));
    if (cause || same) announce("list_changed", { fresh, moved });
  }

  const rowOf = (item) => [...list.children].find((one) => one.dataset.key === item);

  async function explain(found, run, signal) {
    if (!found.history) {
      for (const row of list.children) row.unexplained(h("p", { class: "reason", t: "suits_new" }));
      return;
    }
    try {
      const told = await ask("explain", { signal, body: {
        ...person(), run, items: found.items.map((one) => one.item), most: TOLD } });
      for (const one of told.items) rowOf(one.item)?.explain(one, told.notes);
    } catch (error) {
      if (error.name === "AbortError") throw error;
      for (const row of list.children) {
        row.unexplained(h("p", { class: "reason" }, h("span", { t: "no_reason" }), " ",
          h("button", { type: "button", class: "link", t: "again", on: { click: () => {
            for (const each of list.children) each.reasoning();
            explain(found, run, signal).catch(() => {});
          } } })));
        row.title = error.detail ?? "";
      }
    }
  }

  /** The row goes at once; if it could not be written, it comes back. */
  async function done(kind, row) {
    if (row.dataset.going) return;
    const item = learn([{ item: row.dataset.key, title: row.querySelector(".title").textContent }])[0];
    const next = row.nextElementSibling ?? row.previousElementSibling;
    const had = row.contains(document.activeElement);
    row.dataset.going = kind;
    const gone = leave(row, kind);
    try {
      await act(item, kind);
      announce(`${kind}_done`, { title: item.title });
      await gone;
      if (had) next?.querySelector(`[data-kind=${kind}]`)?.focus({ preventScroll: true });
      if (row.isConnected && next) row.remove();
    } catch (error) {
      await gone;
      back(row);
      delete row.dataset.going;
      toast(oops(error), { bad: true });
    }
  }

  function opened() {
    (state.view === "chat" ? chat.input : heading).focus({ preventScroll: state.view !== "chat" });
  }

  return { element, refresh, opened };
}
