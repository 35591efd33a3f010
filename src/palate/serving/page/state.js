// What the page shows, all of which stands in its address: it can be shared, and Back takes back.

export const VIEWS = ["list", "chat", "search", "compare", "run"];
const LONGEST = 200; // items of a history in an address

/**
 * @typedef {object} Filter
 * @property {string[]} any @property {string[]} none @property {?number} min @property {?number} max
 */

/** user is null for a history of one's own: had, oldest first, and not, what was refused. */
export const state = {
  view: "list", user: null, had: [], not: [], run: null, against: null, q: "", by: "title",
  variety: 0, filters: {},
};

const listeners = new Set();

/** Be told of changes: (names of what changed) => void. */
export function onChange(listener) {
  listeners.add(listener);
}

/** Change what is shown; replace: without a step that Back would take back. */
export function go(changes, { replace = false } = {}) {
  const address = addressOf({ ...state, ...changes });
  if (address === location.hash) return;
  if (replace) {
    history.replaceState(null, "", address);
    read();
  } else {
    location.hash = address; // hashchange reads it
  }
}

/** The address of a state. */
export function addressOf(one) {
  const found = new URLSearchParams();
  if (one.user !== null) found.set("user", one.user);
  else {
    for (const item of one.had.slice(-LONGEST)) found.append("had", item);
    for (const item of one.not.slice(-LONGEST)) found.append("not", item);
  }
  if (one.run) found.set("run", one.run);
  if (one.against && one.view === "compare") found.set("against", one.against);
  if (one.q && one.view === "search") found.set("q", one.q);
  if (one.by !== "title" && one.view === "search") found.set("by", one.by);
  if (one.variety) found.set("variety", one.variety);
  if (Object.keys(one.filters).length) found.set("filters", JSON.stringify(one.filters));
  const query = found.toString();
  return `#/${one.view}${query ? `?${query}` : ""}`;
}

/** Take the state from the address, and tell who listens. */
export function read() {
  const [, view, query] = /^#\/?([a-z]*)\??(.*)$/.exec(location.hash) ?? [null, "", ""];
  const told = new URLSearchParams(query);
  const user = told.get("user");
  const variety = Number(told.get("variety"));
  const next = {
    view: VIEWS.includes(view) ? view : "list",
    user: user || null,
    had: user ? [] : told.getAll("had").slice(0, LONGEST),
    not: user ? [] : told.getAll("not").slice(0, LONGEST),
    run: told.get("run"),
    against: told.get("against"),
    q: (told.get("q") ?? "").slice(0, 200),
    by: ["words", "meaning", "taste"].includes(told.get("by")) ? told.get("by") : "title",
    variety: variety > 0 && variety <= 1 ? variety : 0,
    filters: filtersOf(told.get("filters")),
  };
  const changed = Object.keys(next).filter((name) =>
    JSON.stringify(next[name]) !== JSON.stringify(state[name]));
  Object.assign(state, next);
  if (changed.length) for (const listener of listeners) listener(new Set(changed));
}

/** Filters out of an address: anyone may have written them, so that only what fits is taken. */
function filtersOf(text) {
  let told;
  try {
    told = JSON.parse(text ?? "{}");
  } catch {
    return {};
  }
  if (told === null || typeof told !== "object" || Array.isArray(told)) return {};
  const strings = (value) => (Array.isArray(value) ? value.filter((one) => typeof one === "string") : []);
  const figure = (value) => (Number.isFinite(value) ? value : undefined);
  return Object.fromEntries(
    Object.entries(told).filter(([, one]) => one && typeof one === "object").map(([name, one]) => [name, {
      any: strings(one.any), none: strings(one.none), min: figure(one.min), max: figure(one.max),
    }]),
  );
}

window.addEventListener("hashchange", read);
