// A run's report: how accurate it is and what it costs, in figures and pictures.

import { blob, key } from "../api.js";
import { runNamed, runOf, runs as listRuns } from "../catalogue.js";
import { h, put } from "../dom.js";
import { bars, curve, scatter } from "../parts/charts.js";
import { figures, shown } from "../parts/figures.js";
import { failed, oops, toast, waiting } from "../parts/notices.js";
import { number, tell } from "../text.js";
import { state } from "../state.js";

export function runView() {
  const heading = h("h1", { tabindex: "-1", t: "run" });
  const lead = h("p", { class: "lead" });
  const place = h("div", { class: "report" });
  const element = h("div", { class: "run" }, heading, lead, place);
  let asking = null;

  async function refresh() {
    asking?.abort();
    const { signal } = (asking = new AbortController());
    put(lead);
    put(place, waiting(5));
    try {
      const all = (await listRuns(signal)).map((one) => one.name);
      const name = runNamed(state.run);
      const details = await Promise.all(all.map((one) => runOf(one, signal)));
      show(details.find((one) => one.name === name), details);
    } catch (error) {
      if (error.name !== "AbortError") put(place, failed(error, refresh));
    }
  }

  function show(run, all) {
    put(heading, h("bdi", {}, run.name), run.method === run.name ? null : h("small", {}, ` ${run.method}`));
    put(lead, h("span", { t: ["run_lead", { version: () => h("bdi", {}, run.version), users: run.users, items: run.items,
      cases: run.results.cases ?? 0, split: run.results.split ?? "" }] }));
    put(place,
      (run.results.notes ?? []).map((one) => h("p", { class: "note", lang: "en" }, one)),
      h("div", { class: "tiles" },
        headline("ndcg", "share", run.metrics["ndcg@10"], run.results.intervals?.["ndcg@10"]),
        headline("hr", "share", run.metrics["hr@10"], run.results.intervals?.["hr@10"]),
        headline("training", "seconds", run.cost.fit_seconds), headline("request", "milliseconds", run.cost.p50_ms),
        headline("memory", "size", run.cost.peak_bytes), headline("parameters", "count", run.cost.parameters)),
      h("div", { class: "pictures" }, pictures(run, all)),
      all.length > 1 ? h("section", { class: "panel" }, h("h2", { t: "all_runs" }), figures(all)) : null,
      h("section", { class: "panel" }, h("h2", { t: "more" }), more(run)));
  }

  return { element, refresh, opened: () => heading.focus({ preventScroll: true }) };
}

function headline(name, kind, value, interval) {
  const figure = h("dd", {}), range = interval ? h("dd", { class: "range" }) : null;
  tell(figure, null, () => figure.replaceChildren(shown(kind, value)));
  if (range) {
    tell(range, null, () => range.replaceChildren(interval.map((one) => number(one, {
      minimumFractionDigits: 3, maximumFractionDigits: 3 })).join(" – ")));
  }
  return h("dl", { class: "headline" }, h("dt", { t: `figure_${name}` }), figure, range);
}

function pictures(run, all) {
  const lengths = Object.keys(run.metrics).filter((one) => one.startsWith("ndcg@")).map((one) => Number(one.slice(5))).sort((a, b) => a - b);
  const slices = (by) => (run.results.slices ?? []).filter((one) => one.by === by);
  return [
    lengths.length > 1 && curve("picture_lengths", all.map((one) => ({
      name: one.name, strong: one.name === run.name, points: lengths.map((k) => [k, one.metrics[`ndcg@${k}`]]) }))),
    all.length > 1 && scatter("picture_cost", all.filter((one) => one.cost.p50_ms > 0).map((one) => ({
      name: one.name, x: one.cost.p50_ms, y: one.metrics["ndcg@10"] }))),
    slices("activity").length > 0 && bars("picture_activity", "n_events", slices("activity")),
    slices("popularity").length > 0 && bars("picture_popularity", "n_users", slices("popularity")),
  ];
}

function more(run) {
  const report = key() === null
    ? h("a", { class: "button strong", href: new URL(`v1/runs/${encodeURIComponent(run.name)}/report`, document.baseURI).href, target: "_blank", rel: "noopener", t: "open_report" })
    : h("button", { type: "button", class: "button strong", t: "save_report", on: { click: () => save(run) } });
  const settings = Object.entries(run.settings);
  return [
    h("p", {}, report),
    h("dl", { class: "facts" }, h("dt", { t: "versions" }),
      run.versions.map((one) => h("dd", {}, h("bdi", {}, one), one === run.version ? h("span", { class: "tag", t: "active" }) : null)),
      h("dt", { t: "index" }), h("dd", { lang: "en" }, run.index),
      h("dt", { t: "abilities" }), h("dd", { lang: "en" }, run.abilities.join(", "))),
    settings.length ? h("details", {}, h("summary", { t: "settings" }),
      h("dl", { class: "facts" }, settings.map(([name, value]) => [h("dt", {}, name),
        h("dd", {}, typeof value === "string" ? value : JSON.stringify(value))]))) : null,
  ];
}

/** With a key, an address alone opens nothing: the report is fetched and saved. */
async function save(run) {
  try {
    const address = URL.createObjectURL(await blob(`runs/${encodeURIComponent(run.name)}/report`));
    h("a", { href: address, download: `${run.name}-report.html` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
  } catch (error) {
    toast(oops(error), { bad: true });
  }
}
