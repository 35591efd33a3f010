// Elements. Whatever is written goes in as text nodes and plain attributes: nothing parses markup,
// so that no title, no chat and no answer of the server can become more than text.

import { told } from "./text.js";

const SVG = "http://www.w3.org/2000/svg";
const TOLD = { t: null, tLabel: "aria-label", tTitle: "title", tHint: "placeholder" };

/**
 * An HTML element.
 * @param {string} tag
 * @param {object} props attributes; `on` has listeners, `data` the data set; `t`, `tLabel`, `tTitle`
 *   and `tHint` are [key, arguments] of the page's text, which follow its language.
 * @param {...(Node|string|number|null|false|Array)} children
 */
export function h(tag, props = {}, ...children) {
  return filled(document.createElement(tag), props, children);
}

/** An SVG element, as h(). */
export function s(tag, props = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), props, children);
}

function filled(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (name === "data") {
      Object.assign(element.dataset, value);
    } else if (name in TOLD) {
      const [key, values] = [value].flat();
      told(element, key, values, TOLD[name]);
    } else if (/^on|^style$|^srcdoc$/i.test(name)) {
      throw new TypeError(`${name} does not go into an element as text`);
    } else {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  add(element, children);
  return element;
}

/** Append children; null and false are left out. */
export function add(element, ...children) {
  for (const one of children.flat(Infinity)) {
    if (one === null || one === undefined || one === false) continue;
    element.append(one instanceof Node ? one : document.createTextNode(String(one)));
  }
  return element;
}

/** Put children in place of what an element holds. */
export function put(element, ...children) {
  element.replaceChildren();
  return add(element, children);
}

let numbers = 0;

/** An id that no other element has. */
export function id(stem) {
  numbers += 1;
  return `${stem}-${numbers}`;
}

const SHAPES = {
  like: "M12 20.5 4.6 13a4.9 4.9 0 0 1 7-7l.4.5.4-.5a4.9 4.9 0 0 1 7 7z",
  dislike: "M7 4h8.7a2 2 0 0 1 1.9 1.4l1.9 6a2 2 0 0 1-1.9 2.6H13l.8 4.2a1.9 1.9 0 0 1-3.5 1.3L7 13.5zM3 4h2v9.5H3z",
  skip: "M5 5l8 7-8 7zM15 5h3v14h-3z",
  why: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM9.6 9.4a2.5 2.5 0 1 1 3.6 2.3c-.8.4-1.2.9-1.2 1.8M12 16.4v.3",
  remove: "M6 6l12 12M18 6 6 18",
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5 20 20",
  list: "M9 6h11M9 12h11M9 18h11M4 6h.5M4 12h.5M4 18h.5",
  chat: "M4 5h16v11H10l-4.5 4V16H4z",
  compare: "M5 4h5v16H5zM14 4h5v16h-5z",
  run: "M4 20V10M10 20V4M16 20v-7M21 20H3",
  dice: "M4 4h16v16H4zM8.5 8.5h.01M15.5 8.5h.01M12 12h.01M8.5 15.5h.01M15.5 15.5h.01",
  send: "M4 12 20 4l-5 16-3.5-6.5z",
};

/** A small picture, which says nothing to those who do not see it. */
export function icon(name) {
  return s("svg", { class: `icon icon-${name}`, viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false" },
    s("path", { d: SHAPES[name] }));
}
