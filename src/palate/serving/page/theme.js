// Before the first paint, so that a page that was chosen dark never flashes white.
try {
  const chosen = localStorage.getItem("palate.theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // Storage is closed to the page: it goes by the system's colours.
}
