// Runs before the first paint: applies the chosen theme, and marks that scripts run.
(() => {
  const root = document.documentElement;
  root.classList.add('scripts');
  try {
    const theme = localStorage.getItem('theme');
    if (theme === 'light' || theme === 'dark') root.dataset.theme = theme;
  } catch { /* without storage the theme of the browser applies */ }
})();
