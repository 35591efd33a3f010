// What people are told: waiting, nothing there, something wrong, something done.

import { add, h, id, put } from "../dom.js";
import { told } from "../text.js";
import { onKeyNeeded } from "../api.js";

/** Say something to those who listen instead of look. */
export function announce(key, values) {
  told(document.getElementById("live"), key, values);
}

/** Rows that stand for what is still on its way. */
export function waiting(rows = 5) {
  return h("div", { class: "waiting", "aria-busy": "true" },
    h("span", { class: "unseen", t: "waiting" }),
    Array.from({ length: rows }, () => h("div", { class: "bone", "aria-hidden": "true" })));
}

/** What went wrong, in a sentence; what the server says of it beside it. */
export function oops(error) {
  const kind = error.kind ?? "inside";
  if (error.kind === undefined) console.error(error);
  return h("span", {}, h("span", { t: `problem_${kind}` }),
    error.detail ? [" ", h("span", { class: "detail", lang: "en", dir: "auto" }, error.detail)] : null);
}

/** The same in place of a list, with a way on. */
export function failed(error, again) {
  return h("div", { class: "state failed", role: "alert" }, h("p", {}, oops(error)),
    again && h("button", { type: "button", class: "button", t: "again", on: { click: again } }));
}

/** Nothing there, and why. */
export function empty(key, values, ...more) {
  return h("div", { class: "state" }, h("p", { t: [key, values] }), more);
}

/** A note at the page's foot that goes by itself; with a button it waits longer. */
export function toast(content, { button, press, bad = false } = {}) {
  const element = h("div", { class: bad ? "toast bad" : "toast", role: bad ? "alert" : null }, h("p", {}, content));
  const gone = () => element.remove();
  if (button) {
    add(element, h("button", { type: "button", class: "button small", t: button, on: { click: () => { gone(); press(); } } }));
  }
  add(element, h("button", { type: "button", class: "plain", tLabel: "close", on: { click: gone } }, "✕"));
  put(document.getElementById("toasts"), element);
  setTimeout(gone, button || bad ? 9000 : 5000);
}

/** A dialog over the page: { element, open, close }. */
export function dialog(label, values, ...content) {
  const heading = id("heading");
  const element = h("dialog", { "aria-labelledby": heading, on: {
    close: () => element.remove(),
    click: (event) => { if (event.target === element) element.close(); },
  } },
    h("div", { class: "sheet" },
      h("div", { class: "sheet-top" }, h("h2", { id: heading, t: [label, values] }),
        h("button", { type: "button", class: "plain", tLabel: "close", on: { click: () => element.close() } }, "✕")),
      content));
  return { element, open: () => { document.body.append(element); element.showModal(); }, close: () => element.close() };
}

onKeyNeeded((refused) => new Promise((given) => {
  const field = id("field");
  const input = h("input", { id: field, type: "password", autocomplete: "off", required: true, maxlength: "200" });
  const asked = dialog("key_needed", {},
    h("p", { t: refused ? "key_refused" : "key_why" }),
    h("form", { class: "line", method: "dialog", on: { submit: () => given(input.value.trim()) } },
      h("label", { for: field, class: "label", t: "key" }), input,
      h("button", { class: "button strong", t: "key_use" })));
  asked.element.addEventListener("close", () => given(null)); // the first answer counts
  asked.open();
}));
