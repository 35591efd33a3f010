// What a browser keeps of its person: colours, language; the key as long as the tab is open.

const NAME = "palate.";

export function kept(name, store = "localStorage") {
  try {
    return window[store].getItem(NAME + name);
  } catch {
    return null;
  }
}

export function keep(name, value, store = "localStorage") {
  try {
    if (value === null) window[store].removeItem(NAME + name);
    else window[store].setItem(NAME + name, value);
  } catch {
    // Storage is closed to the page: what was chosen holds until it is left.
  }
}
