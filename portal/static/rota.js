// Dragging over a role's line opens the form for that time; the forms do the same without it.
"use strict";
(() => {
  const COLUMNS = 84, HOURS = 2;
  let from = null, mark = null, dragged = false;
  const at = (row, x) => {
    const box = row.getBoundingClientRect();
    return Math.min(Math.max(Math.round(((x - box.left) / box.width) * COLUMNS), 0), COLUMNS);
  };
  const wall = (week, column) => {
    const day = new Date(week + "T00:00:00Z");
    day.setUTCHours(column * HOURS);
    return day.toISOString().slice(0, 16); // wall time of the page's zone, as the forms write it
  };
  document.addEventListener("pointerdown", (event) => {
    const row = event.target.closest?.("table[data-rota] tr[data-role]");
    if (!row || event.button !== 0 || event.pointerType === "touch") return;
    from = { row, column: at(row, event.clientX), x: event.clientX };
    dragged = false;
  });
  document.addEventListener("pointermove", (event) => {
    if (!from || Math.abs(event.clientX - from.x) < 12) return;
    dragged = true;
    const box = from.row.getBoundingClientRect(), to = at(from.row, event.clientX);
    const [first, last] = [Math.min(from.column, to), Math.max(from.column, to)];
    if (!mark) { mark = document.createElement("div"); mark.className = "drag"; document.body.append(mark); }
    const place = { left: box.left + scrollX + (first / COLUMNS) * box.width, top: box.top + scrollY, width: ((last - first) / COLUMNS) * box.width, height: box.height };
    for (const [name, value] of Object.entries(place)) mark.style[name] = value + "px"; // set by script, which the policy allows
    event.preventDefault();
  });
  document.addEventListener("pointerup", (event) => {
    if (!from) return;
    const { row, column } = from, to = at(row, event.clientX);
    mark?.remove();
    mark = from = null;
    if (!dragged || to === column) return;
    const week = row.closest("tbody").dataset.week;
    const asked = new URLSearchParams({ role: row.dataset.role, start: wall(week, Math.min(column, to)), end: wall(week, Math.max(column, to)) });
    location.assign(row.closest("table").dataset.rota + "?" + asked);
  });
  document.addEventListener("click", (event) => { if (dragged) { event.preventDefault(); dragged = false; } }, true);
})();
