// The page: its head, its views, and what happens when the address changes.

import { runs } from "./catalogue.js";
import { h, icon, put } from "./dom.js";
import { keep } from "./kept.js";
import { failed, waiting } from "./parts/notices.js";
import { personBar } from "./parts/person.js";
import { addressOf, onChange, read, state } from "./state.js";
import { LANGUAGES, choose, preferred, say, speak, spoken } from "./text.js";
import { compareView } from "./views/compare.js";
import { listView } from "./views/list.js";
import { runView } from "./views/run.js";
import { searchView } from "./views/search.js";

const MADE = { list: listView, chat: listView, search: searchView, compare: compareView, run: runView };
const THEMES = ["auto", "light", "dark"];

await speak(preferred()); // before anything is made: all that is made has text

const main = document.getElementById("main");
const views = new Map();
const links = new Map();
const bar = personBar();
const stage = h("div", { class: "stage" });
let moving = false; // the person went to another view, rather than changing something in it

function head() {
  const nav = h("nav", { tLabel: "views" }, ["list", "chat", "search", "compare", "run"].map((view) => {
    const link = h("a", { class: `to-${view}`, on: { click: () => { moving = true; } } }, icon(view), h("span", { t: `view_${view}` }));
    links.set(view, link);
    return link;
  }));
  const skip = h("button", { type: "button", class: "to-main", t: "skip_to_main", on: { click: () => main.focus() } });
  const brand = h("a", { class: "brand", href: "#/list", tLabel: "home" },
    h("img", { src: "icon.svg", alt: "", width: 26, height: 26 }), h("span", { "aria-hidden": "true" }, "palate"));
  put(document.getElementById("top"), skip, brand, nav, h("div", { class: "tools" }, language(), theme()));
  put(document.getElementById("foot"), h("p", {}, h("a", { href: "docs", t: "docs" }), " · ", h("span", { t: "keys_about" })));
}

function language() {
  const field = h("select", { id: "language", on: { change: async (event) => { await choose(event.target.value); title(); } } },
    Object.entries(LANGUAGES).map(([code, name]) => h("option", { value: code, lang: code, selected: code === spoken() }, name)));
  return [h("label", { for: "language", class: "unseen", t: "language" }), field];
}

function theme() {
  const chosen = () => document.documentElement.dataset.theme ?? "auto";
  const field = h("select", { id: "theme", on: { change: (event) => {
    const value = event.target.value;
    if (value === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = value;
    keep("theme", value === "auto" ? null : value);
  } } }, THEMES.map((one) => h("option", { value: one, selected: one === chosen(), t: `theme_${one}` })));
  return [h("label", { for: "theme", class: "unseen", t: "theme" }), field];
}

function title() {
  const whom = state.user === null ? "" : ` · ${state.user}`;
  document.title = `${say(`view_${state.view}`)}${whom} · palate`;
}

/** Show the view of the address, and have it heed what changed. */
function show(changed) {
  const made = MADE[state.view];
  if (!views.has(made)) views.set(made, made());
  const view = views.get(made);
  document.body.dataset.view = state.view;
  for (const [name, link] of links) {
    link.href = addressOf({ ...state, view: name });
    if (name === state.view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  title();
  bar.write();
  const entered = view.element.parentElement !== stage;
  if (entered) put(stage, view.element);
  const only = (...names) => [...changed].every((one) => names.includes(one));
  if (entered || !only("view", ...(made === searchView ? [] : ["q", "by"]))) view.refresh();
  if (moving) {
    view.opened();
    if (entered) window.scrollTo({ top: 0 });
  }
  moving = false;
}

async function begin() {
  put(main, waiting(6));
  try {
    await runs();
  } catch (error) {
    put(main, failed(error, begin));
    return;
  }
  put(main, bar.element, stage);
  onChange(show);
  read();
  if (!stage.childElementCount) show(new Set(["view"])); // the address said nothing new
}

head();
await begin();
