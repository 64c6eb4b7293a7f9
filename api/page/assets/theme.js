// Runs before the first paint: the theme that the viewer has chosen, and that scripts run.
(() => {
  const root = document.documentElement;
  root.classList.add('scripts');
  try {
    const theme = localStorage.getItem('theme');
    if (theme === 'light' || theme === 'dark') root.dataset.theme = theme;
  } catch { /* without storage the browser's own theme is shown */ }
})();
