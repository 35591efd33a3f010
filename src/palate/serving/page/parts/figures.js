// Accuracy and cost of runs, in a table; of several, the best of each is marked.

import { h } from "../dom.js";
import { amount, number, tell } from "../text.js";

const ROWS = [
  ["ndcg", (run) => run.metrics["ndcg@10"], "share", 1],
  ["hr", (run) => run.metrics["hr@10"], "share", 1],
  ["mrr", (run) => run.metrics.mrr, "share", 1],
  ["coverage", (run) => run.metrics["coverage@10"], "share", 1],
  ["diversity", (run) => run.metrics["diversity@10"], "share", 1],
  ["training", (run) => run.cost.fit_seconds, "seconds", -1],
  ["request", (run) => run.cost.p50_ms, "milliseconds", -1],
  ["slow_request", (run) => run.cost.p99_ms, "milliseconds", -1],
  ["memory", (run) => run.cost.peak_bytes, "size", -1],
  ["parameters", (run) => run.cost.parameters, "count", -1],
];

export function shown(kind, value) {
  if (value === null || value === undefined) return "–";
  return kind === "share" ? number(value, { minimumFractionDigits: 4, maximumFractionDigits: 4 }) : amount(kind, value);
}

export function figures(runs) {
  return h("div", { class: "scroll", tabindex: "0", role: "region", tLabel: "figures" }, h("table", {},
    h("thead", {}, h("tr", {}, h("td", {}), runs.map((run) => h("th", { scope: "col" }, run.name,
      run.method === run.name ? null : h("small", {}, ` ${run.method}`))))),
    h("tbody", {}, ROWS.filter(([, of]) => runs.some((run) => Number.isFinite(of(run)))).map(([name, of, kind, sign]) => {
      const values = runs.map(of);
      const best = Math.max(...values.filter(Number.isFinite).map((one) => sign * one));
      return h("tr", {}, h("th", { scope: "row", t: `figure_${name}`, tTitle: `figure_${name}_about` }), values.map((value) => {
        const cell = h("td", { class: runs.length > 1 && sign * value === best ? "best" : null });
        tell(cell, null, () => cell.replaceChildren(shown(kind, value)));
        return cell;
      }));
    }))));
}
