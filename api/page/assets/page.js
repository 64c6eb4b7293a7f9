// Client-side behaviour beyond htmx: the theme, pausing, following the feed, and the plots.
(() => {
  'use strict';
  const root = document.documentElement;
  const live = document.getElementById('live');

  // Scroll the current section into view: on a phone the bar is wider than the screen.
  const section = document.querySelector('header.top nav [aria-current]');
  if (section) section.parentElement.scrollLeft = section.offsetLeft - section.parentElement.clientWidth / 3;

  // The theme: that of the browser, light or dark.
  const themes = ['auto', 'light', 'dark'];
  const themeButton = document.getElementById('theme');
  const showTheme = () => {
    const theme = root.dataset.theme || 'auto';
    themeButton.textContent = theme[0].toUpperCase() + theme.slice(1);
    themeButton.setAttribute('aria-label', 'Theme: ' + theme);
    themeButton.title = 'Theme: ' + theme;
  };
  themeButton.addEventListener('click', () => {
    const next = themes[(themes.indexOf(root.dataset.theme || 'auto') + 1) % themes.length];
    if (next === 'auto') delete root.dataset.theme; else root.dataset.theme = next;
    try { localStorage.setItem('theme', next); } catch { /* the theme is lost when the page is left */ }
    showTheme();
    redrawAll();
  });
  showTheme();
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => redrawAll());

  // No requests are made while the page is paused or hidden.
  let paused = false;
  const inactive = () => paused || document.hidden;
  const pauseButton = document.getElementById('pause');
  pauseButton?.addEventListener('click', () => {
    paused = !paused;
    pauseButton.setAttribute('aria-pressed', String(paused));
    pauseButton.textContent = paused ? 'Paused' : 'Pause';
    follow();
    if (!paused) refresh();
  });
  const refresh = () => {
    if (live.hasAttribute('hx-get')) htmx.trigger(live, 'refresh');
    updateAll();
  };
  document.addEventListener('htmx:config:request', (e) => { if (inactive()) e.preventDefault(); });
  document.addEventListener('visibilitychange', () => { follow(); if (!inactive()) refresh(); });

  // A list with a feed is read again after each change in the feed, at most once a second. The
  // feed is not followed while the page is inactive: the number of readers is limited.
  const refreshDelay = 1000; // ms
  const reconnectDelay = 5000; // ms
  const retracted = document.getElementById('retracted');
  let feed, timer, refreshing = false, changed = false, takenBack = 0;
  function follow() {
    if (!live.dataset.feed || inactive()) {
      feed?.close();
      feed = undefined;
      return;
    }
    if (feed && feed.readyState !== EventSource.CLOSED) return;
    feed = new EventSource(live.dataset.feed);
    feed.addEventListener('open', refreshSoon); // changes before the feed was open
    feed.addEventListener('put', refreshSoon);
    feed.addEventListener('retracted', (e) => { noteRetraction(JSON.parse(e.data).id); refreshSoon(); });
    feed.addEventListener('error', (e) => { // browsers reconnect by themselves unless they were refused
      if (e.target.readyState === EventSource.CLOSED) setTimeout(() => { follow(); refreshSoon(); }, reconnectDelay);
    });
  }
  function refreshSoon() {
    changed = true;
    if (timer || refreshing) return;
    timer = setTimeout(() => {
      timer = undefined;
      if (inactive()) return;
      changed = false;
      refreshing = true;
      htmx.trigger(live, 'refresh');
    }, refreshDelay);
  }
  function refreshed() { refreshing = false; if (changed) refreshSoon(); }
  // noteRetraction shows that an activity in the list was taken back.
  function noteRetraction(id) {
    if (![...live.querySelectorAll('[data-id]')].some((row) => row.dataset.id === id)) return;
    takenBack++;
    retracted.textContent = (takenBack === 1 ? 'One activity was' : takenBack + ' activities were') +
      ' taken back since this page was opened, by a reorganisation or a command.';
    retracted.hidden = false;
  }

  const lost = document.getElementById('lost');
  const answered = (ok) => { if (lost.hidden !== ok) lost.hidden = ok; };
  document.addEventListener('htmx:after:request', (e) => {
    const status = e.detail.ctx.response.status;
    if (status === 401) location.reload(); // the token has changed: show the login form
    answered(status < 500);
    refreshed();
  });
  document.addEventListener('htmx:error', () => { answered(false); refreshed(); });

  // The plots of each chain.
  const hour = 3600;
  const integers = [1, 2, 5].flatMap((n) => Array.from({ length: 16 }, (_, i) => n * 10 ** i)).sort((a, b) => a - b);
  const kinds = {
    lag: { series: ['lag'], colours: ['--accent'], fill: true, increments: integers },
    events: { series: ['events'], colours: ['--accent'], fill: true },
    endpoints: { series: ['up', 'failing'], colours: ['--accent', '--bad'], steps: true, increments: integers },
    requests: { series: ['requests'], colours: ['--accent'], fill: true },
  };
  const minutes = [1, 2, 5, 10, 15, 20, 30, 60].map((n) => n * 60);
  const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
  const shown = (v) => (v == null ? '–' : v !== 0 && v < 0.1 ? '<0.1' : compact.format(v));
  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const clock = (t) => new Date(t * 1000).toISOString().slice(11, 16);

  class Chain {
    constructor(box) {
      this.box = box;
      this.data = { at: [], lag: [], events: [], up: [], failing: [], requests: [] };
      this.plots = [];
      this.seen = false;
      this.loading = false;
      new IntersectionObserver((entries) => {
        this.seen = entries[entries.length - 1].isIntersecting;
        if (this.seen) this.update();
      }).observe(box);
      new ResizeObserver(() => this.resize()).observe(box);
    }

    async update() {
      if (!this.seen || this.loading || inactive()) return;
      this.loading = true;
      try {
        const after = this.data.at.at(-1) ?? 0;
        const answer = await fetch('/page/history?' + new URLSearchParams({ chain: this.box.dataset.chain, after }));
        if (answer.ok) this.add(await answer.json());
      } catch { /* updates of the page report that the worker does not answer */ } finally {
        this.loading = false;
      }
    }

    add(more) {
      const from = Date.now() / 1000 - hour - 60;
      const old = this.data.at.findIndex((t) => t >= from);
      for (const name of Object.keys(this.data)) {
        this.data[name] = this.data[name].slice(old < 0 ? 0 : old).concat(more[name]);
      }
      this.draw();
    }

    draw() {
      if (this.plots.length === 0) {
        this.plots = [...this.box.querySelectorAll('figure')].map((f) => this.plot(f));
      }
      for (const p of this.plots) {
        p.u.setData([this.data.at, ...p.kind.series.map((s) => (s === 'failing' ? this.data[s].map((n) => n || null) : this.data[s]))]);
        this.showValue(p, this.data.at.length - 1);
      }
    }

    // showValue shows the value of point i above a plot.
    showValue(p, i) {
      const text = i < 0 ? '' : p.kind.series.map((s) => this.data[s][i]).map(shown);
      p.out.textContent = p.kind.series.length > 1 && text ? text[0] + (this.data.failing[i] ? ', ' + text[1] + ' failing' : '') : String(text);
    }

    plot(figure) {
      const kind = kinds[figure.dataset.kind];
      const into = figure.querySelector('.plot');
      const out = figure.querySelector('output');
      const p = { kind, into, out };
      const axis = { stroke: colour('--soft'), font: '11px system-ui, sans-serif', ticks: { show: false } };
      p.u = new uPlot({
        width: into.clientWidth || 200,
        height: 96,
        legend: { show: false },
        padding: [10, 18, 0, 0],
        cursor: { y: false, drag: { x: false, y: false }, points: { size: 5 } },
        scales: {
          x: { time: true, range: () => this.range() },
          y: { range: (_, __, most) => [0, Math.max(most * 1.1, 1)] },
        },
        axes: [
          { ...axis, size: 20, gap: 3, space: 44, incrs: minutes, grid: { show: false }, values: (_, ts) => ts.map(clock) },
          { ...axis, size: 36, gap: 4, space: 30, incrs: kind.increments, grid: { stroke: colour('--line'), width: 1 }, values: (_, vs) => vs.map(shown) },
        ],
        series: [{}, ...kind.series.map((_, i) => ({
          stroke: colour(kind.colours[i]),
          width: 1.5,
          fill: kind.fill ? colour('--wash') : undefined,
          paths: kind.steps ? uPlot.paths.stepped({ align: 1 }) : undefined,
          points: { show: false },
        }))],
        hooks: { setCursor: [(u) => this.showValue(p, u.cursor.idx ?? this.data.at.length - 1)] },
      }, [[], ...kind.series.map(() => [])], into);
      return p;
    }

    // range is the last hour, or less if the data is shorter.
    range() {
      const now = Date.now() / 1000;
      const first = this.data.at[0] ?? now;
      return [Math.max(now - hour, Math.min(first, now - 120)), now];
    }

    resize() {
      for (const p of this.plots) {
        if (p.into.clientWidth && p.into.clientWidth !== p.u.width) p.u.setSize({ width: p.into.clientWidth, height: 96 });
      }
    }

    redraw() {
      for (const p of this.plots) p.u.destroy();
      this.plots = [];
      if (this.data.at.length) this.draw();
    }
  }

  const chains = new Map();
  function findChains() {
    for (const [box] of chains) if (!box.isConnected) chains.delete(box);
    for (const box of document.querySelectorAll('.plots')) {
      if (!chains.has(box)) chains.set(box, new Chain(box));
    }
  }
  function updateAll() { findChains(); for (const c of chains.values()) c.update(); }
  function redrawAll() { for (const c of chains.values()) c.redraw(); }
  findChains();
  follow();
  setInterval(updateAll, 5000);
})();
