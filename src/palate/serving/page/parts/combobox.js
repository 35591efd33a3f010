// A field that completes what is typed (ARIA's combobox with a list box).

import { add, h, id, put } from "../dom.js";
import { oops } from "./notices.js";

const PAUSE = 110; // milliseconds without a key before the server is asked

/**
 * @typedef {object} Option
 * @property {string} value @property {string} text @property {string[]} [notes]
 *
 * @param {object} how
 * @param {string} how.label @param {string} how.hint keys of the page's text.
 * @param {(text: string, signal: AbortSignal) => Promise<Option[]>} how.find
 * @param {(option: Option) => void} how.chosen
 * @param {boolean} [how.free] what is typed counts though it is not in the list.
 * @param {boolean} [how.seen] the label is shown above the field.
 * @param {string} [how.none] key of what is said where nothing is found.
 */
export function combobox({ label, hint, find, chosen, free = false, seen = false, none = "none_found" }) {
  const box = id("options"), field = id("field");
  let options = [], active = -1, timer = 0, looking = null;

  const input = h("input", {
    id: field, type: "text", role: "combobox", autocomplete: "off", autocapitalize: "off",
    spellcheck: "false", maxlength: "200", dir: "auto", "aria-expanded": "false", "aria-controls": box,
    "aria-autocomplete": "list", tHint: hint,
    on: { input: typed, keydown: pressed, focus: () => look(0), blur: () => setTimeout(close, 120) },
  });
  const list = h("ul", { id: box, role: "listbox", class: "options", hidden: true, tLabel: label });
  const note = h("p", { class: "options note-line", role: "status", hidden: true });
  const element = h("div", { class: "combobox" },
    h("label", { for: field, class: seen ? "label" : "unseen", t: label }), input, list, note);

  function typed() {
    look(PAUSE);
  }

  function look(pause) {
    clearTimeout(timer);
    looking?.abort();
    const own = (looking = new AbortController());
    timer = setTimeout(async () => {
      try {
        const found = await find(input.value.trim(), own.signal);
        if (!own.signal.aborted && document.activeElement === input) show(found);
      } catch (error) {
        if (error.name === "AbortError") return;
        close();
        put(note, oops(error));
        note.hidden = false;
      }
    }, pause);
  }

  function show(found) {
    options = found;
    active = -1;
    put(list, found.map((one, place) => add(
      h("li", { id: `${box}-${place}`, role: "option", "aria-selected": "false", on: {
        pointerdown: (event) => event.preventDefault(), // the field keeps the focus
        click: () => choose(one),
      } }, h("span", { dir: "auto" }, one.text)),
      one.notes?.length ? h("small", { dir: "auto" }, ` ${one.notes.join(" · ")}`) : null)));
    list.hidden = found.length === 0;
    const empty = found.length === 0 && input.value.trim() !== "" && !free;
    note.hidden = !empty;
    if (empty) put(note, h("span", { t: none }));
    input.setAttribute("aria-expanded", String(!list.hidden));
    mark(-1);
  }

  function mark(place) {
    active = place;
    [...list.children].forEach((one, number) => one.setAttribute("aria-selected", String(number === place)));
    if (place < 0) input.removeAttribute("aria-activedescendant");
    else {
      input.setAttribute("aria-activedescendant", `${box}-${place}`);
      list.children[place].scrollIntoView({ block: "nearest" });
    }
  }

  function close() {
    looking?.abort();
    clearTimeout(timer);
    list.hidden = note.hidden = true;
    input.setAttribute("aria-expanded", "false");
    mark(-1);
  }

  function choose(option) {
    input.value = "";
    close();
    chosen(option);
  }

  async function pressed(event) {
    if (event.isComposing) return; // a Chinese or Japanese word is being put together
    const many = options.length;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) look(0);
      else if (many) mark((active + (event.key === "ArrowDown" ? 1 : -1) + many + (active < 0 && event.key === "ArrowUp" ? 1 : 0)) % many);
    } else if (event.key === "Escape") {
      if (!list.hidden) event.stopPropagation();
      close();
    } else if (event.key === "Enter") {
      event.preventDefault();
      const text = input.value.trim();
      if (active >= 0) choose(options[active]);
      else if (free && text) choose({ value: text, text });
      else if (text) await first(text);
    }
  }

  /** Enter without a choice takes the best match, as soon as it is known. */
  async function first(text) {
    looking?.abort();
    clearTimeout(timer);
    const own = (looking = new AbortController());
    try {
      const found = await find(text, own.signal);
      if (found.length) choose(found[0]);
      else show([]);
    } catch (error) {
      if (error.name !== "AbortError") {
        put(note, oops(error));
        note.hidden = false;
      }
    }
  }

  return { element, input };
}
