// What else a list has to heed: variety, and attributes to have or not to have.

import { attributesOf, facets } from "../catalogue.js";
import { h, put } from "../dom.js";
import { number, say, tell } from "../text.js";
import { go, state } from "../state.js";
import { failed } from "./notices.js";

const SHOWN = 24; // values of an attribute

/** A fold: { element, refresh(run) }. */
export function tunePanel() {
  const body = h("div", { class: "tune-body" });
  const mark = h("span", { class: "count" });
  const element = h("details", { class: "tune", on: { toggle: () => element.open && write() } },
    h("summary", {}, h("span", { t: "tune" }), " ", mark), body);
  let run = null, of = null;

  function refresh(name) {
    run = name;
    const many = Object.keys(state.filters).length + (state.variety > 0);
    put(mark, many ? h("span", { t: ["tuned", { n: many }] }) : null);
    if (element.open && of !== name) write();
  }

  async function write() {
    try {
      const attributes = await attributesOf(run);
      of = run;
      const { labels, numbers } = facets(attributes);
      put(body, variety(), labels.slice(0, 2).map(choices), numbers.slice(0, 2).map(range),
        h("button", { type: "button", class: "link", t: "tune_clear", on: { click: () => { go({ variety: 0, filters: {} }); write(); } } }));
    } catch (error) {
      put(body, failed(error, write));
    }
  }
  return { element, refresh };
}

function variety() {
  const value = h("output", { for: "variety" });
  tell(value, null, () => value.replaceChildren(number(state.variety, { style: "percent" })));
  const slider = h("input", { id: "variety", type: "range", min: 0, max: 1, step: 0.1, on: {
    input: () => value.replaceChildren(number(Number(slider.value), { style: "percent" })),
    change: () => go({ variety: Number(slider.value) }),
  } });
  slider.value = String(state.variety);
  return h("div", { class: "line" }, h("label", { for: "variety", class: "label", t: "variety" }), slider, value);
}

/** Values that one press asks for, a second rules out, a third lets be. */
function choices(facet) {
  return h("div", { role: "group", dir: "auto", "aria-label": facet.name.replaceAll("_", " ") },
    h("p", { class: "label" }, facet.name.replaceAll("_", " ")),
    h("div", { class: "choices" }, facet.values.slice(0, SHOWN).map(([value]) => choice(facet.name, value))));
}

function choice(name, value) {
  const button = h("button", { type: "button", class: "choice", dir: "auto", on: { click: press } });
  const of = () => state.filters[name] ?? { any: [], none: [] };
  function write(found) {
    button.dataset.state = found;
    put(button, { any: "+ ", none: "− ", free: "" }[found], value);
    tell(button, "aria-label", () => button.setAttribute("aria-label", say(`choice_${button.dataset.state}`, { value })));
  }
  function press() {
    const { any, none, min, max } = of();
    const next = { free: "any", any: "none", none: "free" }[button.dataset.state];
    const without = (list) => list.filter((one) => one !== value);
    set(name, {
      any: next === "any" ? [...any, value] : without(any),
      none: next === "none" ? [...none, value] : without(none), min, max,
    });
    write(next);
  }
  write(of().any.includes(value) ? "any" : of().none.includes(value) ? "none" : "free");
  return button;
}

function range(facet) {
  const field = (end) => h("input", {
    type: "number", inputmode: "numeric", tLabel: [`range_${end}`, { name: facet.name.replaceAll("_", " ") }],
    placeholder: facet[end], value: state.filters[facet.name]?.[end] ?? null,
    on: { change: (event) => {
      const one = state.filters[facet.name] ?? { any: [], none: [] };
      set(facet.name, { ...one, [end]: event.target.value === "" ? undefined : Number(event.target.value) });
    } },
  });
  return h("div", { class: "line", role: "group", "aria-label": facet.name.replaceAll("_", " ") },
    h("span", { class: "label", dir: "auto" }, facet.name.replaceAll("_", " ")), field("min"), "–", field("max"));
}

function set(name, wanted) {
  const { any, none, min, max } = wanted;
  const filters = { ...state.filters, [name]: { any, none, min, max } };
  if (!any.length && !none.length && min === undefined && max === undefined) delete filters[name];
  go({ filters });
}
