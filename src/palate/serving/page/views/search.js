// The catalogue, searched by title, by words, by meaning.

import { ask } from "../api.js";
import { learn, runNamed, runOf } from "../catalogue.js";
import { act } from "../deeds.js";
import { h, id, put } from "../dom.js";
import { arrange } from "../motion.js";
import { deeds, line } from "../parts/items.js";
import { announce, empty, failed, oops, toast, waiting } from "../parts/notices.js";
import { rowKeys } from "../parts/row-keys.js";
import { go, state } from "../state.js";

const LENGTH = 20, PAUSE = 180; // results; milliseconds without a key before the server is asked

export function searchView() {
  const field = id("field");
  const heading = h("h1", { t: "search", tabindex: "-1" });
  const input = h("input", { id: field, type: "search", maxlength: "200", dir: "auto", autocomplete: "off", tHint: "search_hint", on: { input: typed } });
  const ways = h("fieldset", { class: "ways" });
  const place = h("div", { class: "results" });
  const list = h("ol", { class: "list plain-list", tLabel: "results" });
  const element = h("div", { class: "search" }, heading, h("p", { class: "lead", t: "search_lead" }),
    h("form", { class: "line search-form", role: "search", on: { submit: (event) => { event.preventDefault(); search(); } } },
      h("label", { for: field, class: "unseen", t: "search" }), input, ways), place);
  let timer = 0, asking = null, meaning = null;

  rowKeys(list);

  function typed() {
    clearTimeout(timer);
    timer = setTimeout(search, PAUSE, {});
  }

  /** Search for what is written now, be its pause over or not. */
  function search(changes = {}) {
    clearTimeout(timer);
    timer = 0;
    go({ q: input.value.trim(), ...changes }, { replace: true });
  }

  async function refresh() {
    asking?.abort();
    const { signal } = (asking = new AbortController());
    if (!timer && document.activeElement !== input) input.value = state.q;
    const run = runNamed(state.run);
    write();
    try {
      if (meaning?.run !== run) {
        meaning = { run, can: (await runOf(run, signal)).abilities.includes("meaning") };
        write();
      }
      if (!state.q) {
        put(list);
        put(place, empty("search_begin"));
        return;
      }
      if (!list.isConnected) put(place, waiting(5));
      const by = state.by === "meaning" && !meaning.can ? "title" : state.by;
      const whom = by !== "taste" ? {} : state.user !== null ? { user: state.user } : { had: state.had };
      const found = await ask("search", { signal, query: { q: state.q, by, run, k: LENGTH, ...whom } });
      show(learn(found.items));
    } catch (error) {
      if (error.name !== "AbortError") put(place, failed(error, refresh));
    }
  }

  function show(items) {
    announce("n_found", { n: items.length });
    if (!items.length) {
      put(list);
      put(place, empty("search_none", { q: () => h("bdi", {}, state.q) }));
      return;
    }
    if (!list.isConnected) put(place, list);
    const byId = new Map(items.map((one) => [one.item, one]));
    arrange(list, items.map((one) => one.item), (key) => row(byId.get(key)));
    for (const one of list.children) one.update(byId.get(one.dataset.key));
  }

  function row(item) {
    const made = line(item, deeds(item, async (kind, button) => {
      try {
        await act(item, kind);
        for (const one of made.querySelectorAll(".deed")) one.classList.toggle("on", one === button);
        toast(h("span", { t: [`${kind}_done`, { title: item.title }] }), { button: "see_list", press: () => go({ view: "list" }) });
        announce(`${kind}_done`, { title: item.title });
      } catch (error) {
        toast(oops(error), { bad: true });
      }
    }));
    const why = h("p", { class: "about", lang: "en" });
    made.querySelector(".body").append(why);
    made.update = ({ how }) => { put(why, how?.why ?? null); };
    return made;
  }

  function write() {
    const held = ways.contains(document.activeElement);
    put(ways, h("legend", { class: "unseen", t: "search_by" }), ["title", "words", "meaning", "taste"].map((by) => {
      const off = by === "meaning" && !meaning?.can;
      return h("label", { class: off ? "way off" : "way", tTitle: off ? "no_meaning" : `by_${by}_about` },
        h("input", { type: "radio", name: "by", value: by, checked: state.by === by && !off, disabled: off,
          on: { change: () => search({ by }) } }),
        h("span", { t: `by_${by}` }));
    }), meaning && !meaning.can ? h("p", { class: "about", t: "no_meaning" }) : null);
    if (held) ways.querySelector("input:checked")?.focus();
  }

  return { element, refresh, opened: () => input.focus() };
}
