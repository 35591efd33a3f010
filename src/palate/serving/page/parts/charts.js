// Pictures of figures, drawn as SVG in the page's colours. Each has a table for those who read it.

import { h, s } from "../dom.js";
import { amount, number, say, tell } from "../text.js";

const WIDE = 420, HIGH = 250, LEFT = 52, RIGHT = 14, TOP = 14, FOOT = 40;
const value = (one) => number(one, { minimumFractionDigits: 3, maximumFractionDigits: 3 });

/** A figure with a caption; `draw` makes its content anew in each language. */
function picture(key, draw) {
  const drawing = s("svg", { class: "chart", viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img" });
  tell(drawing, null, () => {
    drawing.replaceChildren(...draw());
    drawing.setAttribute("aria-label", say(key));
  });
  return h("figure", { class: "panel" }, h("figcaption", { t: key }), drawing);
}

/** Round steps from 0 to what is needed. */
function steps(most) {
  const rough = (most || 1) / 4, size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((one) => one * size).find((one) => one >= rough);
  const many = Math.ceil(most / step - 1e-9) || 1;
  return Array.from({ length: many + 1 }, (_, place) => place * step);
}

function text(x, y, content, kind = "tick", anchor = "middle") {
  return s("text", { x, y, class: kind, "text-anchor": anchor }, content);
}

/** The axis of NDCG@10, and where a value stands on it. */
function upright(most) {
  const marks = steps(most), top = marks.at(-1);
  const y = (one) => HIGH - FOOT - ((HIGH - FOOT - TOP) * one) / top;
  const lines = marks.flatMap((one) => [
    s("path", { class: "grid", d: `M${LEFT} ${y(one)}H${WIDE - RIGHT}` }),
    text(LEFT - 7, y(one) + 4, number(one, { maximumFractionDigits: 3 }), "tick", "end"),
  ]);
  return { y, lines };
}

/** NDCG over the length of the list, a line for each run. */
export function curve(key, series) {
  return picture(key, () => {
    const { y, lines } = upright(Math.max(...series.flatMap((one) => one.points.map(([, each]) => each))));
    const lengths = series[0].points.map(([k]) => k);
    const x = (k) => LEFT + 12 + ((WIDE - LEFT - RIGHT - 92) * Math.log(k / lengths[0])) / Math.log(lengths.at(-1) / lengths[0]);
    const ends = [...series].map((one) => ({ one, at: y(one.points.at(-1)[1]) })).sort((a, b) => a.at - b.at);
    ends.forEach((end, place) => { if (place) end.at = Math.max(end.at, ends[place - 1].at + 14); });
    return [...lines, ...lengths.map((k) => text(x(k), HIGH - FOOT + 18, number(k))),
      text((LEFT + WIDE) / 2, HIGH - 5, say("axis_length"), "axis"),
      ...series.map((one, place) => s("g", { class: `s${place % 8} ${one.strong ? "strong" : ""}` },
        s("path", { class: "line", d: `M${one.points.map(([k, each]) => `${x(k)} ${y(each)}`).join("L")}` }),
        one.points.map(([k, each]) => s("circle", { class: "dot", cx: x(k), cy: y(each), r: 4 },
          s("title", {}, `${one.name}, @${k}: ${value(each)}`))))),
      ...ends.map(({ one, at }) => text(x(lengths.at(-1)) + 8, at + 4, cut(one.name, 12), one.strong ? "name" : "tick", "start"))];
  });
}

/** Accuracy against the time of a request. */
export function scatter(key, points) {
  return picture(key, () => {
    const { y, lines } = upright(Math.max(...points.map((one) => one.y)));
    const logs = points.map((one) => Math.log10(one.x));
    const low = Math.floor(Math.min(...logs)), high = Math.max(low + 1, Math.ceil(Math.max(...logs)));
    const x = (one) => LEFT + 14 + ((WIDE - LEFT - RIGHT - 28) * (Math.log10(one) - low)) / (high - low);
    const marks = Array.from({ length: high - low + 1 }, (_, place) => 10 ** (low + place));
    return [...lines, ...marks.map((one) => text(x(one), HIGH - FOOT + 18, amount("milliseconds", one))),
      text((LEFT + WIDE) / 2, HIGH - 5, say("axis_request"), "axis"),
      ...points.map((one, place) => s("g", { class: `s${place % 8}` },
        s("circle", { class: "dot", cx: x(one.x), cy: y(one.y), r: 6 },
          s("title", {}, `${one.name}: ${value(one.y)}, ${amount("milliseconds", one.x)}`)))),
      ...names(points.map((one) => ({ name: cut(one.name, 16), x: x(one.x), y: y(one.y) })))];
  });
}

/** A bar with a whisker for each group of people or items. */
export function bars(key, unit, groups) {
  return picture(key, () => {
    const { y, lines } = upright(Math.max(...groups.map((one) => one.interval?.[1] ?? one.value)));
    const step = (WIDE - LEFT - RIGHT) / groups.length, wide = Math.min(46, step * 0.55);
    return [...lines, text((LEFT + WIDE) / 2, HIGH - 5, say(unit), "axis"), ...groups.flatMap((one, place) => {
      const middle = LEFT + step * (place + 0.5), range = one.low === one.high ? number(one.low) : `${number(one.low)}–${number(one.high)}`;
      const [low, high] = one.interval ?? [one.value, one.value];
      return [s("g", { class: "s0" },
        s("rect", { class: "column", x: middle - wide / 2, y: y(one.value), width: wide, height: y(0) - y(one.value), rx: 3 },
          s("title", {}, `${range}: ${value(one.value)} (${value(low)} – ${value(high)}); ${say("n_tested", { n: one.users })}`)),
        s("path", { class: "whisker", d: `M${middle} ${y(low)}V${y(high)}M${middle - 5} ${y(low)}h10M${middle - 5} ${y(high)}h10` })),
      text(middle, HIGH - FOOT + 18, range)];
    })];
  });
}

/** Names beside their points, where they cover neither a point nor another name. */
function names(points) {
  const taken = points.map((one) => [one.x - 7, one.y - 7, one.x + 7, one.y + 7]);
  return points.map((one) => {
    const wide = one.name.length * 8.4;
    const spots = [[11, 4], [-11 - wide, 4], [-wide / 2, -12], [-wide / 2, 21]].map(([right, down]) => {
      const left = one.x + right, foot = one.y + down;
      return [left, foot - 11, left + wide, foot + 3];
    });
    const free = (box) => box[0] >= 0 && box[2] <= WIDE
      && taken.every((each) => box[2] < each[0] || box[0] > each[2] || box[3] < each[1] || box[1] > each[3]);
    const box = spots.find(free) ?? spots[0];
    taken.push(box);
    return text((box[0] + box[2]) / 2, box[3] - 3, one.name, "name");
  });
}

const cut = (name, most) => (name.length > most ? `${name.slice(0, most - 1)}…` : name);
