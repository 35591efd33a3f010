// What the person does: like, dislike, skip. For a user it is written to the server, for a history
// of one's own into the address alone.

import { happened } from "./api.js";
import { go, state } from "./state.js";

const listeners = new Set();

/** Be told of what was done: (item, kind, {away}) => void, after it counts. */
export function onDeed(listener) {
  listeners.add(listener);
}

/**
 * Do something with an item.
 * @throws {Problem} it could not be written; nothing changed.
 */
export async function act(item, kind) {
  if (state.user !== null) {
    await happened(state.user, item.item, kind);
  } else {
    const had = state.had.filter((one) => one !== item.item);
    const not = state.not.filter((one) => one !== item.item);
    (kind === "like" ? had : not).push(item.item);
    go({ had, not });
  }
  for (const listener of listeners) listener(item, kind);
}

/** Take an item out of a history of one's own. */
export function forget(id) {
  go({ had: state.had.filter((one) => one !== id), not: state.not.filter((one) => one !== id) });
}

/** For whom lists are asked: what requests call a person. */
export function person() {
  return state.user !== null ? { user: state.user } : { history: state.had };
}

/** Whether nothing is known of the person, as far as the page knows. */
export function stranger() {
  return state.user === null && state.had.length === 0;
}
