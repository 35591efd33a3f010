// Talk: what is said goes to the server turn by turn, and the answer comes as it is made.

import { streamed } from "../api.js";
import { itemOf, learn, runNamed } from "../catalogue.js";
import { act, person } from "../deeds.js";
import { add, h, id, icon, put } from "../dom.js";
import { say } from "../text.js";
import { state } from "../state.js";
import { deeds, line } from "./items.js";
import { announce, oops, toast } from "./notices.js";

const MOST = 50; // turns that the server takes

/** A panel: { element, input, refresh }. */
export function chatPanel() {
  const field = id("field");
  let turns = [], speaking = null;
  const log = h("div", { class: "log", role: "log", tLabel: "chat", tabindex: "0" });
  const ideas = h("div", { class: "ideas" });
  const input = h("input", { id: field, type: "text", autocomplete: "off", maxlength: "1000", dir: "auto", tHint: "chat_hint" });
  const again = h("button", { type: "button", class: "link", t: "chat_again", hidden: true, on: { click: clear } });
  const element = h("section", { class: "panel chat", "aria-labelledby": "chat-heading" },
    h("div", { class: "panel-top" }, h("h2", { id: "chat-heading", t: "chat" }), again),
    h("p", { class: "about", t: "chat_about" }), log, ideas,
    h("form", { class: "line", on: { submit: (event) => { event.preventDefault(); send(input.value.trim()); } } },
      h("label", { for: field, class: "unseen", t: "chat_say" }), input,
      h("button", { class: "button strong square", tLabel: "send" }, icon("send"))));

  function clear() {
    speaking?.abort();
    turns = [];
    put(log);
    again.hidden = true;
    refresh();
    input.focus();
  }

  /** Ideas for a first turn, out of what the person had. */
  function refresh() {
    const last = state.user === null && state.had.length ? itemOf(state.had.at(-1)).title : null;
    const offered = turns.length ? ["idea_older", "idea_more", "idea_nineties"] : [last ? "idea_like" : "idea_genre", "idea_years", "idea_not"];
    put(ideas, offered.map((key) => h("button", {
      type: "button", class: "idea", lang: "en", t: [key, { title: last ?? "" }],
      on: { click: () => send(say(key, { title: last ?? "" })) },
    })));
  }

  async function send(text) {
    if (!text) return;
    speaking?.abort();
    const own = (speaking = new AbortController());
    turns = [...turns, text].slice(-MOST);
    input.value = "";
    again.hidden = false;
    const answer = h("div", { class: "answer", "aria-busy": "true" }, h("span", { class: "dots", "aria-hidden": "true" }, "···"));
    add(log, h("p", { class: "turn", dir: "auto" }, text), answer);
    scroll();
    const parts = { understood: h("div", { class: "understood", lang: "en" }), text: h("p", { lang: "en", dir: "auto" }), items: h("ol", { class: "near-list" }), more: h("div") };
    try {
      for await (const [name, value] of streamed("chat", {
        signal: own.signal, body: { ...person(), turns, run: runNamed(state.run) } })) {
        if (!parts.items.isConnected) put(answer, Object.values(parts));
        take(parts, name, value);
        scroll();
      }
      if (!parts.items.isConnected) put(answer, h("p", { t: "chat_silent" }));
    } catch (error) {
      if (error.name === "AbortError") answer.remove();
      else {
        turns = turns.slice(0, -1);
        input.value ||= text;
        put(answer, h("p", { class: "bad" }, oops(error)));
      }
    }
    answer.removeAttribute("aria-busy");
    refresh();
    scroll();
  }

  function take(parts, name, value) {
    if (name === "understood") {
      put(parts.understood, value.map((one) => h("span", { class: "tag", dir: "auto" }, one)));
    } else if (name === "item") {
      add(parts.items, choice(value));
    } else if (name === "text") {
      put(parts.text, value);
    } else if (name === "done") {
      put(parts.more, value.remarks.map((one) => h("p", { class: "note", lang: "en", dir: "auto" }, one)),
        value.untold ? h("p", { class: "note", t: ["untold", { n: value.untold }] }) : null);
    } else if (name === "problem") {
      put(parts.more, h("p", { class: "bad", lang: "en", dir: "auto" }, value.detail));
    }
  }

  function choice(told) {
    const item = { item: told.item, title: told.title, attributes: { year: told.year ?? "", genres: told.genres } };
    learn(item);
    const row = line(item, told.why.length ? h("p", { class: "reason", lang: "en", dir: "auto" }, told.why.join(" · ")) : null,
      deeds(item, async (kind, button) => {
        try {
          await act(item, kind);
          for (const one of row.querySelectorAll(".deed")) one.classList.toggle("on", one === button);
          announce(`${kind}_done`, { title: item.title });
        } catch (error) {
          toast(oops(error), { bad: true });
        }
      }, ["like", "dislike"]));
    return row;
  }

  function scroll() {
    log.scrollTop = log.scrollHeight;
  }

  return { element, input, refresh };
}
