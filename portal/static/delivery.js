// Draws the two delivery plots with uPlot from the table of weeks beside them. Without it the server's pictures stay.
"use strict";
(() => {
  const weeks = [...document.querySelectorAll("#weeks tr[data-at]")].map((row) => row.dataset).reverse(); // the table has the newest first
  if (!window.uPlot || weeks.length < 2) return;
  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  // Tokens are light-dark(a, b): let the browser choose, as it does for everything else.
  const probe = document.createElement("i");
  probe.hidden = true;
  document.body.append(probe);
  const colour = (name) => { probe.style.color = `var(${name})`; return getComputedStyle(probe).color; };
  const number = (text) => (text === "" ? null : Number(text));
  const at = weeks.map((week) => Number(week.at));
  const healthy = weeks.map((week) => Number(week.healthy));
  const failed = weeks.map((week) => Number(week.failed));
  const leads = weeks.map((week) => number(week.lead));
  const font = () => `11px ${token("--sans")}`;
  const day = (seconds) => new Date(seconds * 1000).toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
  const WEEK = 7 * 86400;

  const axes = (values, splits) => [
    { stroke: () => colour("--ink-3"), font: font(), grid: { show: false }, ticks: { show: false }, size: 26, gap: 4,
      splits: (plot) => { const step = plot.width < 520 ? 4 : 2; return at.filter((_, index) => (at.length - 1 - index) % step === 0); },
      values: (_, seconds) => seconds.map(day) },
    { stroke: () => colour("--ink-3"), font: font(), size: 46, gap: 4, grid: { stroke: () => colour("--line"), width: 1 }, ticks: { show: false }, values, splits, filter: (_, all) => all },
  ];
  const plots = [];
  const draw = (name, series, scale, axis, data, hooks) => {
    const figure = document.querySelector(`[data-plot=${name}]`);
    if (!figure) return;
    const place = figure.querySelector(".drawn-here"), said = figure.querySelector(".hint");
    figure.classList.add("by-script");
    const size = () => ({ width: Math.max(place.clientWidth, 240), height: 200 });
    const plot = new window.uPlot({
      ...size(), padding: [16, 8, 0, 0], legend: { show: false }, series: [{}, ...series], axes: axis,
      scales: { x: { time: true, range: [at[0] - WEEK / 2, at[at.length - 1] + WEEK / 2] }, y: scale },
      cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
      hooks: {
        ...hooks,
        setCursor: [(self) => { const week = weeks[self.cursor.idx]; said.textContent = week ? week.said : figure.dataset.hint; }],
      },
    }, data, place);
    said.textContent = figure.dataset.hint;
    // A point leads to its deploys: near a failure's dot to what failed, else to all of that week.
    plot.over.addEventListener("click", () => {
      const week = weeks[plot.cursor.idx];
      if (!week) return;
      const onDot = name === "bars" && Number(week.failed) > 0 && Math.abs(plot.valToPos(Number(week.failed), "y") - plot.cursor.top) < 12;
      location.href = onDot ? week.failedHref : week.href;
    });
    plots.push(() => plot.setSize(size()), () => plot.redraw(false));
  };

  const top = Number(document.querySelector("[data-plot=bars]")?.dataset.top || 2);
  draw("bars", [
    { stroke: () => colour("--accent-fill"), fill: () => colour("--accent-fill"), width: 0, points: { show: false }, paths: window.uPlot.paths.bars({ size: [0.64, 48] }) },
    { stroke: () => colour("--bad-fill"), width: 0, paths: () => null, points: { show: true, size: 9, width: 1.5, stroke: () => colour("--card"), fill: () => colour("--bad-fill") } },
  ], { range: [0, top] }, axes((_, counts) => counts.map((count) => (Number.isInteger(count) ? String(count) : "")), () => [0, top / 2, top]),
  [at, healthy, failed.map((count) => count || null)], {});

  const figure = document.querySelector("[data-plot=leads]");
  if (figure && leads.some((lead) => lead !== null)) {
    const [low, high] = figure.dataset.reach.split(" ").map(Number);
    const ticks = [[60, "1 min"], [3600, "1 h"], [86400, "1 d"], [604800, "1 wk"], [2592000, "1 mo"], [15724800, "6 mo"]];
    const limits = [...figure.querySelectorAll("data")].map((limit) => [Number(limit.value), limit.textContent]);
    const level = (plot) => {
      const { ctx } = plot, ratio = window.devicePixelRatio || 1;
      ctx.save();
      ctx.strokeStyle = ctx.fillStyle = colour("--bad");
      ctx.lineWidth = ratio;
      ctx.setLineDash([4 * ratio, 3 * ratio]);
      ctx.font = `600 ${11 * ratio}px ${token("--sans")}`;
      ctx.textAlign = "right";
      ctx.textBaseline = "bottom";
      for (const [seconds, text] of limits) {
        if (seconds < low || seconds > high) continue;
        const y = plot.valToPos(seconds, "y", true);
        ctx.beginPath();
        ctx.moveTo(plot.bbox.left, y);
        ctx.lineTo(plot.bbox.left + plot.bbox.width, y);
        ctx.stroke();
        ctx.fillText(text, plot.bbox.left + plot.bbox.width, y - 2 * ratio);
      }
      ctx.restore();
    };
    draw("leads", [
      { stroke: () => colour("--accent"), width: 1.75, spanGaps: false, points: { show: true, size: 7, width: 1.5, stroke: () => colour("--card"), fill: () => colour("--accent") } },
    ], { distr: 3, range: [low, high] },
    axes((_, seconds) => seconds.map((one) => ticks.find(([tick]) => tick === one)?.[1] ?? ""), () => ticks.map(([tick]) => tick).filter((tick) => tick >= low && tick <= high)),
    [at, leads], { draw: [level] });
  }

  window.addEventListener("resize", () => plots.forEach((act, index) => { if (index % 2 === 0) act(); }));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plots.forEach((act, index) => { if (index % 2) act(); }));
})();
