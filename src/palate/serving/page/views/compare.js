// Two runs on the same person, side by side: what both recommend is tied together.

import { ask } from "../api.js";
import { learn, runNamed, runOf, runsHeard } from "../catalogue.js";
import { onDeed, person } from "../deeds.js";
import { h, put, s } from "../dom.js";
import { arrange } from "../motion.js";
import { tags, tile, title } from "../parts/items.js";
import { announce, empty, failed, waiting } from "../parts/notices.js";
import { runSelect } from "../parts/person.js";
import { figures } from "../parts/figures.js";
import { score, tell } from "../text.js";
import { go, state } from "../state.js";

const LENGTH = 10;

export function compareView() {
  const heading = h("h1", { t: "compare", tabindex: "-1" });
  const lead = h("p", { class: "lead" });
  const place = h("div");
  const sides = [side(), side()];
  const ties = s("svg", { class: "ties", "aria-hidden": "true" });
  const pair = h("div", { class: "pair" }, sides[0].element, ties, sides[1].element);
  const table = h("div", { class: "panel" });
  const element = h("div", { class: "compare" }, heading, lead, place);
  let asking = null;

  new ResizeObserver(() => tie()).observe(pair);
  onDeed(() => { if (state.user !== null && state.view === "compare") refresh(); });
  pair.addEventListener("pointerover", light);
  pair.addEventListener("focusin", light);

  /** The runs that are compared. */
  function names() {
    const first = runNamed(state.run);
    const others = runsHeard().map((one) => one.name).filter((one) => one !== first);
    return [first, others.includes(state.against) ? state.against : others[0]];
  }

  async function refresh() {
    asking?.abort();
    const { signal } = (asking = new AbortController());
    const [first, second] = names();
    if (!second) {
      put(lead, h("span", { t: "compare_lead" }));
      put(place, empty("compare_one", {}, h("pre", {}, "palate serve runs/A runs/B")));
      return;
    }
    sides[0].choose("run", first, (name) => go({ run: name, against: name === second ? first : second }));
    sides[1].choose("against", second, (name) => go({ against: name, run: name === first ? second : first }));
    if (!pair.isConnected) put(place, waiting(8));
    try {
      const found = await Promise.all([first, second].map((run) => ask("recommend", {
        signal, body: { ...person(), run, k: LENGTH, diversity: state.variety, filters: state.filters,
          ...(state.user === null ? { exclude: state.not } : {}) } })));
      if (!pair.isConnected) put(place, pair, table);
      const lists = found.map((one) => learn(one.items));
      const ranks = lists.map((items) => new Map(items.map((one) => [one.item, one.rank])));
      const common = lists[0].filter((one) => ranks[1].has(one.item)).length;
      put(lead, h("span", { t: ["compare_common", { n: common, of: Math.max(...lists.map((one) => one.length)) }] }));
      sides.forEach((one, number) => one.show(lists[number], ranks[1 - number]));
      announce("compare_common", { n: common, of: LENGTH });
      tie();
      setTimeout(tie, 460); // when the rows have come to rest
      const details = await Promise.all([runOf(first, signal), runOf(second, signal)]);
      put(table, h("h2", { t: "compare_figures" }), figures(details));
    } catch (error) {
      if (error.name !== "AbortError") put(place, failed(error, refresh));
    }
  }

  /** Lines between the rows of what both recommend. */
  function tie() {
    const box = ties.getBoundingClientRect();
    if (!box.width || !pair.isConnected) return;
    ties.setAttribute("viewBox", `0 0 ${box.width} ${box.height}`);
    const middle = (row) => { const one = row.getBoundingClientRect(); return one.top + one.height / 2 - box.top; };
    const right = new Map([...sides[1].list.children].map((row) => [row.dataset.key, row]));
    put(ties, [...sides[0].list.children].filter((row) => right.has(row.dataset.key)).map((row) => {
      const [from, to] = [middle(row), middle(right.get(row.dataset.key))];
      const half = box.width / 2;
      return s("path", { "data-tie": row.dataset.key, d: `M0 ${from}C${half} ${from} ${half} ${to} ${box.width} ${to}` });
    }));
  }

  function light(event) {
    const key = event.target.closest?.("li[data-key]")?.dataset.key;
    for (const one of pair.querySelectorAll("li[data-key]")) one.classList.toggle("lit", one.dataset.key === key);
    for (const one of ties.children) one.classList.toggle("lit", one.dataset.tie === key);
  }

  return { element, refresh, opened: () => heading.focus({ preventScroll: true }) };
}

function side() {
  const choice = h("div", { class: "run-choice" });
  const list = h("ol", { class: "list" });
  const element = h("section", { class: "panel side" }, choice, list);
  let of = null;

  function choose(name, value, chosen) {
    const had = choice.contains(document.activeElement);
    put(choice, runSelect(name, value, chosen, name === "run" ? "run_left" : "run_right"));
    if (had) choice.querySelector("select").focus();
    if (of !== value) put(list);
    of = value;
    list.setAttribute("aria-label", value);
  }

  function show(items, other) {
    const byId = new Map(items.map((one) => [one.item, one]));
    arrange(list, [...byId.keys()], (key) => row(byId.get(key)));
    if (!items.length) put(list, h("li", { class: "state", t: "list_none" }));
    for (const one of items) {
      [...list.children].find((each) => each.dataset.key === one.item).update(one, other.get(one.item));
    }
  }

  return { element, list, choose, show };
}

function row(item) {
  const rank = h("span", { class: "number" }), figure = h("span", { class: "figure" }), place = h("p", { class: "other" });
  const made = h("li", { class: "item small-item", data: { key: item.item } },
    tile(item, rank), h("div", { class: "body" }, title(item), tags(item, 3), place), h("div", { class: "score" }, h("span", { class: "unseen", t: "score" }), figure));
  made.update = (one, other) => {
    rank.textContent = String(one.rank);
    tell(figure, null, () => figure.replaceChildren(score(one.score)));
    made.classList.toggle("shared", other !== undefined);
    put(place, h("span", { t: other === undefined ? "only_here" : ["there_too", { rank: other }] }));
  };
  return made;
}
