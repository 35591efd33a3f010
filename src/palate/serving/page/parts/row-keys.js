// In a list, arrows go from row to row, and letters do what the buttons do.

const LETTERS = { l: "like", d: "dislike", s: "skip", w: "why" };

/** @param {Element} list whose rows hold buttons with data-kind. */
export function rowKeys(list) {
  list.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.closest("input, select, textarea")) return;
    const row = event.target.closest("li[data-key]");
    if (!row || row.parentElement !== list) return;
    const letter = LETTERS[event.key.toLowerCase()];
    const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
    if (letter) {
      const button = row.querySelector(`[data-kind=${letter}]`);
      if (!button || button.disabled) return;
      button.focus();
      button.click();
    } else if (step) {
      const kind = event.target.dataset.kind;
      const other = row[step];
      const goal = (kind && other?.querySelector(`[data-kind=${kind}]:not(:disabled)`)) || other?.querySelector("button");
      goal?.focus();
    } else {
      return;
    }
    event.preventDefault();
  });
}
