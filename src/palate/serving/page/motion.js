// Lists that change while one watches: what stays moves to its place, what comes fades in.

const calm = matchMedia("(prefers-reduced-motion: reduce)");
const EASE = "cubic-bezier(.2, .8, .2, 1)";

/**
 * Bring a list's rows to a new order.
 * @param {Element} list whose children bear their key in data-key.
 * @param {string[]} keys
 * @param {(key: string) => Element} made a row that was not there.
 */
export function arrange(list, keys, made) {
  const there = new Map([...list.children].map((one) => [one.dataset.key, one]));
  const before = new Map([...there].map(([key, one]) => [key, one.getBoundingClientRect().top]));
  const rows = keys.map((key) => there.get(key) ?? made(key));
  list.replaceChildren(...rows);
  if (calm.matches) return;
  let fresh = 0;
  rows.forEach((row, place) => {
    const from = before.get(keys[place]);
    if (from === undefined) {
      row.animate(
        [{ opacity: 0, transform: "translateY(14px)" }, { opacity: 1, transform: "none" }],
        { duration: 320, delay: 40 * fresh, easing: EASE, fill: "backwards" });
      fresh += 1;
    } else {
      const way = from - row.getBoundingClientRect().top;
      if (way) {
        row.animate([{ transform: `translateY(${way}px)` }, { transform: "none" }],
          { duration: 420, easing: EASE });
      }
    }
  });
}

/** Let a row go: to the right where it was liked, to the left where it was not. */
export async function leave(row, kind) {
  if (calm.matches) return;
  const way = { like: 48, dislike: -48 }[kind] ?? 0;
  const going = row.animate(
    [{ opacity: 1, transform: "none" }, { opacity: 0, transform: `translateX(${way}px) scale(.98)` }],
    { duration: 190, easing: "ease-in", fill: "forwards" });
  try {
    await going.finished;
  } catch {
    // The row was taken away meanwhile.
  }
}

/** A row that went comes back. */
export function back(row) {
  for (const one of row.getAnimations()) one.cancel();
}
