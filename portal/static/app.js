// What pages do beyond plain links and forms. Everything here may be missing, and every page still works.
"use strict";
(() => {
  const root = document.documentElement;
  const skew = Date.now() - Date.parse(root.dataset.now); // the server's clock counts
  const now = () => Date.now() - skew;
  const each = (selector, act) => document.querySelectorAll(selector).forEach(act);
  const NARROW = "\u202f";
  let seen = Date.parse(root.dataset.now);

  // Ages: one unit, as portal/render.py writes them; after seven days they stay as the server wrote them.
  const age = (at) => {
    const seconds = Math.max((now() - at) / 1000, 0);
    for (const [size, name] of [[86400, "d"], [3600, "h"], [60, "min"]])
      if (seconds >= size) return Math.floor(seconds / size) + NARROW + name;
    return Math.floor(seconds) + NARROW + "s";
  };
  const put = (place, text) => { if (place.textContent !== text) place.textContent = text; };
  const tick = () => {
    each("time[data-age]", (time) => {
      const at = Date.parse(time.dateTime);
      if (now() - at < 7 * 86400e3) put(time, age(at) + " ago");
    });
    if (connected) each("[data-live]", (place) => put(place, "live · " + age(seen) + " ago"));
  };

  // The stream: whether it is there, and since when the page is not true any more.
  let connected = false;
  const lost = document.getElementById("lost");
  const clock = (at) => new Date(at).toLocaleTimeString("en-GB", { timeZone: root.dataset.zone });
  const state = (is) => {
    connected = is;
    if (is) seen = now();
    else put(lost.querySelector("[data-seen]"), clock(seen));
    lost.hidden = is;
    if (!is) each("[data-live]", (place) => put(place, "as of " + clock(seen)));
    tick();
  };
  document.addEventListener("htmx:sse:after:connection", () => state(true));
  document.addEventListener("htmx:sse:after:message", () => { seen = now(); });
  document.addEventListener("htmx:sse:error", () => { if (!document.hidden) state(false); });
  // An error page must not take the place of what was true.
  document.addEventListener("htmx:before:response", (event) => {
    const { ctx } = event.detail;
    if (ctx.sourceElement?.id === "main" && ctx.response.status >= 400 && ctx.response.status !== 401) event.preventDefault();
    else if (ctx.sourceElement?.id === "main") seen = now();
  });
  // What did not come is asked for again: perhaps nothing more happens that would ask for it.
  let failed = 0;
  document.addEventListener("htmx:finally:request", (event) => {
    const stream = document.getElementById("stream");
    const { id } = event.target;
    const answered = event.detail.ctx.response?.status ?? 0; // 0: nothing came
    if (!stream || (id !== "main" && id !== "stream")) return;
    if (answered >= 200 && answered < 500 && answered !== 429) { failed = 0; return; }
    failed += 1;
    if (id === "stream" && !answered) state(false);
    const again = id === "main"
      ? () => htmx.trigger(stream, "changed")
      : () => htmx.ajax("GET", stream.getAttribute("hx-sse:connect"), { source: stream });
    const full = id === "stream" && answered === 503; // too many live pages
    setTimeout(again, full ? 60e3 : Math.min(2 ** failed, 60) * 1000);
  });

  // Logs follow only while their reader is at the end.
  const atEnd = (log) => log.scrollHeight - log.scrollTop - log.clientHeight < 8;
  const follow = (log) => {
    const button = document.querySelector(`[data-follows="${log.id}"]`);
    if (log.dataset.away) { if (button && log.childElementCount > Number(log.dataset.away)) button.hidden = false; }
    else log.scrollTop = log.scrollHeight;
  };
  const watchLogs = () => each("[data-follow]", (log) => {
    if (!log.dataset.watched) {
      log.dataset.watched = "1";
      log.addEventListener("scroll", () => {
        const button = document.querySelector(`[data-follows="${log.id}"]`);
        if (atEnd(log)) { delete log.dataset.away; if (button) button.hidden = true; }
        else log.dataset.away ??= String(log.childElementCount);
      });
      log.scrollTop = log.scrollHeight;
    } else follow(log);
  });
  document.addEventListener("htmx:after:swap", () => { watchLogs(); tick(); });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-follows]");
    if (!button) return;
    const log = document.getElementById(button.dataset.follows);
    delete log.dataset.away;
    log.scrollTop = log.scrollHeight;
    button.hidden = true;
  });

  // A second press of the same button sends nothing more.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "1";
    setTimeout(() => delete form.dataset.sent, 4000);
  });

  // Keys: `/` finds, `g` and a letter go to a room, `j` and `k` walk rows, `?` helps. Nothing that changes anything.
  const help = document.getElementById("keys");
  let going = 0;
  const find = () => {
    const field = document.getElementById("q");
    if (field) field.focus();
    else document.querySelector("[data-find]")?.click();
  };
  const walk = (step) => {
    const rows = [...document.querySelectorAll("main tbody tr, main .rows > li")].filter((row) => row.querySelector("a"));
    const here = rows.findIndex((row) => row.contains(document.activeElement));
    rows[Math.min(Math.max(here + step, 0), rows.length - 1)]?.querySelector("a").focus();
  };
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "k") { event.preventDefault(); find(); return; }
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, dialog")) return;
    const room = Date.now() - going < 1500 && /^[a-z]$/.test(event.key) && document.querySelector(`a[data-key="${event.key}"]`);
    if (room) { room.click(); return; }
    going = event.key === "g" ? Date.now() : 0;
    if (event.key === "/") { event.preventDefault(); find(); }
    else if (event.key === "?") help.showModal();
    else if (event.key === "j") walk(1);
    else if (event.key === "k") walk(-1);
  });
  each("[data-keys]", (button) => { button.hidden = false; button.addEventListener("click", () => help.showModal()); });
  if (location.hash === "#q") document.getElementById("q")?.focus();

  watchLogs();
  setInterval(tick, 1000);
  tick();
})();
