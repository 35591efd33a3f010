// A line of the list: rank, title, why, score, and what to do with it.

import { h, icon, put } from "../dom.js";
import { score, tell } from "../text.js";
import { deeds, tags, tile, title } from "./items.js";
import { influences, sentence } from "./reason.js";

/**
 * @param {object} item of a list.
 * @param {(kind: string, row: Element) => void} done
 */
export function recommendation(item, done) {
  const rank = h("span", { class: "number" });
  const moved = h("span", { class: "moved" });
  const figure = h("span", { class: "figure" });
  const bar = h("span", { class: "bar" });
  const reason = h("div", { class: "why-place" });
  const panel = h("div", { class: "why-panel", hidden: true });
  const why = h("button", {
    type: "button", class: "deed why", data: { kind: "why" }, "aria-expanded": "false", disabled: true,
    tTitle: "why", tLabel: ["why_item", { title: item.title }], on: { click: () => toggle() },
  }, icon("why"));
  const actions = deeds(item, (kind) => done(kind, row));
  actions.append(why);
  const row = h("li", { class: "item recommendation", data: { key: item.item } },
    tile(item, rank, moved),
    h("div", { class: "body" }, title(item), tags(item), reason),
    h("div", { class: "score", tTitle: "score_about" },
      h("span", { class: "unseen", t: "score" }), figure, h("span", { class: "track", "aria-hidden": "true" }, bar)),
    actions, panel);

  function toggle(open = panel.hidden) {
    panel.hidden = !open;
    why.setAttribute("aria-expanded", String(open));
  }

  /** Rank, score and how it moved, of a list with scores from `low` to `high`. */
  row.update = (one, before, low, high) => {
    rank.textContent = String(one.rank);
    tell(figure, null, () => figure.replaceChildren(score(one.score)));
    const base = low >= 0 ? 0 : low - 0.1 * (high - low); // scores below 0 have no natural start
    bar.style.width = `${high > base ? Math.max(3, (100 * (one.score - base)) / (high - base)) : 100}%`;
    const way = before === undefined ? 0 : before - one.rank;
    moved.className = `moved ${way > 0 ? "up" : way < 0 ? "down" : ""}`;
    put(moved, way === 0 ? null : h("span", {
      t: [way > 0 ? "moved_up" : "moved_down", { n: Math.abs(way) }],
    }));
    if (before === null) {
      moved.className = "moved new";
      put(moved, h("span", { t: "new" }));
    }
  };

  row.reasoning = () => {
    delete row.dataset.drivers;
    why.disabled = true;
    put(reason, h("span", { class: "bone short", "aria-hidden": "true" }));
  };

  row.explain = (explained, notes) => {
    const helping = explained.influences.filter((one) => one.change > 0).map((one) => one.item);
    row.dataset.drivers = JSON.stringify(helping);
    put(reason, sentence(explained));
    put(panel, influences(explained, notes));
    why.disabled = false;
  };

  /** There is no reason to be had; what is said instead. */
  row.unexplained = (...content) => {
    put(reason, content);
    why.disabled = true;
    toggle(false);
  };
  return row;
}
