"use strict";
// Draws what /page/view says, once a second. All text goes in as text: nothing
// that a worker, a key or an error is called can become markup.

const $ = (id) => document.getElementById(id);
const EVERY = 1000; // ms from one view to asking for the next
const PATIENCE = 8000; // ms until a view is given up
const DRAWN = 120000; // ms that the charts show

// make returns an element with a class and what is in it.
function make(tag, className, ...content) {
  const e = document.createElement(tag);
  if (className) e.className = className;
  e.append(...content.filter((c) => c !== null && c !== undefined));
  return e;
}

// say changes an element's text if it is another one, so that a screen reader says
// only what is new.
function say(e, text) {
  if (e.textContent !== text) e.textContent = text;
}

// fill replaces what is in an element if its text is another one: what has the
// focus, or is selected, stays.
function fill(e, items) {
  const text = items.map((i) => i.className + i.textContent).join("\n");
  if (e.dataset.filled === text) return;
  e.dataset.filled = text;
  e.replaceChildren(...items);
}

// How numbers are written. Ids come as text, because they may have 64 bits.

function quantity(x) {
  if (x >= 1e6) return (x / 1e6).toFixed(2) + "M";
  if (x >= 1e5) return (x / 1e3).toFixed(0) + "k";
  if (x >= 1e4) return (x / 1e3).toFixed(1) + "k";
  if (x >= 1e3) return grouped(x.toFixed(0));
  if (x >= 10 || Number.isInteger(x)) return x.toFixed(0);
  return x < 0.1 ? "<0.1" : x.toFixed(1);
}
const rate = (row, x) => (row.measured ? quantity(x) : "–");
const grouped = (digits) => String(digits).replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");

function duration(ns) {
  if (!ns) return "–";
  for (const [unit, size] of [["s", 1e9], ["ms", 1e6], ["µs", 1e3]]) {
    if (ns >= size) {
      const x = ns / size;
      return x.toFixed(x < 10 && !Number.isInteger(x) ? 1 : 0) + "\u202f" + unit;
    }
  }
  return ns + "\u202fns";
}

function span(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return s + "\u202fs";
  if (s < 3600) return Math.floor(s / 60) + "\u202fmin";
  if (s < 86400) return Math.floor(s / 3600) + "\u202fh " + Math.floor((s % 3600) / 60) + "\u202fmin";
  return Math.floor(s / 86400) + "\u202fd " + Math.floor((s % 86400) / 3600) + "\u202fh";
}
const clock = (at) => new Date(at).toLocaleTimeString("en-GB");
const state = (s) => { const e = make("span", "state", s); e.dataset.state = s; return e; };
const plural = (n, one) => n + " " + one + (n === 1 ? "" : "s");

// Workers have long ids; a host and the id's beginning is what people know them by.
let hosts = {}, own = "";
const short = (id) => id.slice(0, 8);
function named(id) {
  if (id === own) return "this worker (" + short(id) + ")";
  return hosts[id] ? hosts[id] + " (" + short(id) + ")" : id;
}

function chart(figure, label, series, of, now) {
  const most = Math.max(...series.map(of), 0), box = figure.querySelector(".chart");
  const x = (p) => (100 * (p.t - (now - DRAWN)) / DRAWN).toFixed(2);
  const y = (p) => (most ? 39 - 36 * of(p) / most : 39).toFixed(2);
  const line = series.map((p, i) => (i ? "L" : "M") + x(p) + " " + y(p)).join("");
  let svg = box.firstChild;
  if (!svg) {
    const ns = "http://www.w3.org/2000/svg";
    svg = document.createElementNS(ns, "svg");
    svg.setAttribute("viewBox", "0 0 100 40");
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("role", "img");
    for (const name of ["area", "line"]) {
      const path = document.createElementNS(ns, "path");
      path.setAttribute("class", name);
      svg.append(path);
    }
    box.append(svg);
  }
  svg.setAttribute("aria-label", label + " over the last two minutes");
  svg.children[0].setAttribute("d", line && line + "L" + x(series[series.length - 1]) + " 40L" + x(series[0]) + " 40Z");
  svg.children[1].setAttribute("d", line);
}

function figure(id, value, unit, note) {
  const f = $(id), v = f.querySelector(".value");
  if (v.textContent !== value + unit) v.replaceChildren(value, make("small", "", unit));
  say(f.querySelector(".note"), note);
  return f;
}

function drawFigures(v) {
  const now = Date.parse(v.at), t = v.total, s = v.series;
  const most = (of, show) => (s.length > 1 ? "most " + show(Math.max(...s.map(of))) : "");
  chart(figure("f-ids", rate(t, t.ids_per_s), "", most((p) => p.ids, quantity)), "Ids per second", s, (p) => p.ids, now);
  chart(figure("f-requests", rate(t, t.requests_per_s), "", t.replayed_per_s > 0 ? quantity(t.replayed_per_s) + " of them repeats" : most((p) => p.requests, quantity)),
    "Requests per second", s, (p) => p.requests, now);
  const half = duration(t.p50_ns).split("\u202f");
  chart(figure("f-p99", half[0], half[1] ? "\u202f" + half[1] : "", t.p99_ns ? "half are faster; 99\u202f% within " + duration(t.p99_ns) : ""),
    "Time within which 99 percent of the answers come", s, (p) => p.p99_ns, now);
  const f = figure("f-errors", rate(t, t.errors_per_s), "", most((p) => p.errors, quantity));
  chart(f, "Errors per second", s, (p) => p.errors, now);
  f.classList.toggle("loud", t.errors_per_s > 0);
  f.classList.toggle("quiet", !s.some((p) => p.errors > 0));
}

function drawHolds(v) {
  const items = v.holds.map((h) => make("li", h.bad ? "bad" : "warn", h.text, h.try ? make("span", "try", "Try: " + h.try) : null));
  fill($("holds"), items.length ? items : [make("li", "none", "Nothing.")]);
}

// rows puts one row into a table for each item, and leaves a row that is there.
function rows(table, items, key, cells) {
  const body = table.tBodies[0], old = new Map([...body.rows].map((r) => [r.dataset.key, r]));
  items.forEach((item, i) => {
    let tr = old.get(key(item));
    const now = cells(item);
    if (!tr) {
      tr = make("tr");
      tr.dataset.key = key(item);
      const heads = table.tHead.rows[0].cells;
      now.forEach((_, j) => {
        const cell = make(j ? "td" : "th", heads[j].className);
        if (!j) cell.scope = "row";
        tr.append(cell);
      });
    }
    old.delete(key(item));
    now.forEach((content, j) => {
      if (typeof content === "string") say(tr.cells[j], content);
      else content(tr.cells[j]);
    });
    if (body.rows[i] !== tr) body.insertBefore(tr, body.rows[i] || null);
  });
  old.forEach((tr) => tr.remove());
}

// once builds a cell when what it shows has changed.
const once = (text, build) => (cell) => {
  if (cell.dataset.shows === text) return;
  cell.dataset.shows = text;
  cell.replaceChildren(...build());
};

// share shows a number, and which part it is of all.
const share = (text, part) => (cell) => {
  if (!cell.firstChild) cell.append(make("span"), make("span", "share", make("i")));
  say(cell.firstChild, text);
  cell.lastChild.firstChild.style.width = Math.round(100 * part) + "%";
};

function drawWorkers(v) {
  const all = v.total.ids_per_s || 1;
  say($("n-workers"), v.total.workers === v.total.serving ? plural(v.total.workers, "worker") + ", serving" : v.total.serving + " of " + plural(v.total.workers, "worker") + " serving");
  rows($("workers"), v.workers, (w) => w.name, (w) => [
    once(w.name + w.host + w.version, () => [make("span", "", w.host || short(w.name)), w.self ? make("span", "tag", "this one") : null, make("span", "sub mono", short(w.name))].filter(Boolean)),
    once(w.state + (w.lease_state || ""), () => [state(w.state), w.lease_state === "late" || w.lease_state === "lost" ? make("span", "sub", "lease " + w.lease_state) : null].filter(Boolean)),
    share(rate(w, w.ids_per_s), w.ids_per_s / all),
    rate(w, w.requests_per_s), duration(w.p50_ns), duration(w.p99_ns), quantity(w.in_flight),
    w.lease_ns ? plural(w.owned_keys || 0, "key") : "–",
    w.uptime_ns ? span(w.uptime_ns / 1e6) : "–",
  ]);
  say($("more-workers"), v.more_workers ? "and " + v.more_workers + " more" : "");
}

function drawStores(v) {
  const all = v.total.ids_per_s || 1;
  say($("n-stores"), v.stores.length === 1 && v.stores[0].store === "*" ? "every name is served" : "");
  rows($("stores"), v.stores, (s) => s.name, (s) => [
    once(s.store + s.mode + s.lease + s.numbering, () => {
      const rules = [s.mode, s.lease ? "keys owned for " + s.lease : "", s.numbering ? "numbered " + s.numbering.replace(/ \([0-9a-f]{8}\)/g, "") : ""].filter(Boolean).join(" · ");
      return [make("span", "", s.store === "*" ? "* (every store)" : s.store), rules ? make("span", "sub", rules) : ""];
    }),
    once(s.serving + "/" + s.workers, () => {
      const e = state((s.serving || 0) + " of " + s.workers);
      e.dataset.state = s.serving === s.workers ? "serving" : s.serving ? "starting" : "unavailable";
      return [e];
    }),
    share(rate(s, s.ids_per_s), s.ids_per_s / all),
    rate(s, s.requests_per_s), duration(s.p99_ns), rate(s, s.errors_per_s), rate(s, s.replayed_per_s),
  ]);
  say($("more-stores"), v.more_stores ? "and " + v.more_stores + " more" : "");
  fill($("store-names"), v.stores.filter((s) => s.store !== "*").map((s) => { const o = make("option", "", s.store); o.value = s.store; return o; }));
}

function drawChanges(v) {
  fill($("changes"), v.changes.slice(0, 12).map((c) => {
    const at = make("time", "", clock(c.at));
    at.dateTime = c.at;
    at.title = new Date(c.at).toString();
    const what = c.from ? c.from + " → " + c.to : c.to;
    return make("li", "", at, make("span", "", make("span", "", named(c.worker) + ": " + what), c.why ? make("span", "of", c.why) : null));
  }));
}

function drawSelf(v) {
  const s = v.self;
  const head = $("state");
  say(head, s.state);
  head.dataset.state = s.state;
  say($("who"), s.host + " · " + short(s.id) + " · " + s.version + " · up " + span(Date.parse(v.at) - Date.parse(s.started)));
  document.title = (s.state === "serving" ? "" : s.state + " – ") + "seqd " + s.host;
  fill($("checks"), s.checks.slice(0, 20).map((c) => make("li", c.error ? "bad" : "", c.name + (c.error ? ": " + c.error : ""))));
  const pairs = [["Waiting", quantity(s.in_flight) + " of " + grouped(s.in_flight_limit) + " at most"]];
  for (const e of s.etcds) {
    const where = s.etcds.length > 1 ? e.name + ": " : "";
    pairs.push([where + "To etcd", (e.measured ? quantity(e.txns_per_s) : "–") + " transactions/s" + (e.mean_ns ? ", " + duration(e.mean_ns) + " each" : "")]);
    pairs.push([where + "Keys held", grouped(e.keys) + " weak" + (e.lease_ns ? ", " + grouped(e.owned) + " owned" : "")]);
    if (e.lease_ns) pairs.push([where + "Lease", duration(e.lease_ns) + (e.owned ? ", " + duration(e.lease_left_ns) + " left" : "")]);
  }
  const dl = $("etcds");
  if (dl.children.length !== 2 * pairs.length) dl.replaceChildren(...pairs.flatMap(() => [make("dt"), make("dd")]));
  pairs.forEach(([name, value], i) => { say(dl.children[2 * i], name); say(dl.children[2 * i + 1], value); });
}

const MEANINGS = {
  BAD_REQUEST: "the request is malformed or not allowed", FENCED: "etcd’s history went backwards; an operator must act", BUSY: "a worker’s queue was full",
  INTERNAL: "a fault in seqd, or a record it does not understand", UNAVAILABLE: "etcd could not be reached, or the worker was stopping",
  EXPIRED: "the request outlived the caller’s patience", EXHAUSTED: "the key has no ids left",
};

function drawCodes(v) {
  const items = v.codes.map((c) => make("li", "", make("span", "", c.code), make("span", "", grouped(c.n) + (c.per_s >= 0.05 ? " (" + quantity(c.per_s) + "/s)" : "")), make("span", "of", MEANINGS[c.code] || "")));
  fill($("codes"), items.length ? items : [make("li", "none", "None since the workers started.")]);
}

function draw(v) {
  own = v.self.id;
  hosts = Object.fromEntries(v.workers.map((w) => [w.name, w.host]));
  $("ask").hidden = !v.asks;
  say($("but"), v.asks ? ", but for asking for ids" : "");
  drawSelf(v); drawFigures(v); drawHolds(v); drawWorkers(v); drawStores(v); drawChanges(v); drawCodes(v);
}

// The views, one after the other. A page that nobody sees asks for none.
let latest = "", views = 0;
async function view() {
  try {
    const response = await fetch("page/view", { signal: AbortSignal.timeout(PATIENCE), cache: "no-store" });
    if (!response.ok) throw new Error(await response.text());
    const v = await response.json();
    draw(v);
    latest = v.at;
    document.body.classList.remove("stale", "waiting");
    say($("live"), "live");
    document.documentElement.dataset.views = ++views;
  } catch {
    document.body.classList.add("stale");
    say($("live"), latest ? "no answer; this is from " + clock(latest) : "no answer; trying again");
  }
}

async function follow() {
  for (;;) {
    await view();
    await new Promise((go) => setTimeout(go, EVERY));
    while (document.hidden) await new Promise((go) => document.addEventListener("visibilitychange", go, { once: true }));
  }
}

// submitting has a form send by ask, and shows what came by show.
function submitting(form, ask, show) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (form.getAttribute("aria-busy") === "true") return;
    form.setAttribute("aria-busy", "true");
    try {
      const response = await ask();
      const said = await response.json();
      show(response.ok ? said : { error: said.error });
    } catch {
      show({ error: "This worker does not answer." });
    }
    form.setAttribute("aria-busy", "false");
  });
}

function showFound(f) {
  const box = $("found");
  if (f.error) return box.replaceChildren(make("p", "problem", f.error));
  const pair = (name, value) => [make("dt", "", name), make("dd", "", value)];
  if (!f.found) {
    return box.replaceChildren(make("p", "mark", "no ids yet"), make("p", "of", f.store + " / " + f.key + ": nothing was issued."),
      make("dl", "pairs", ...pair("Left", grouped(f.left)), ...(f.rule ? pair("Printed as", f.rule) : [])));
  }
  const bar = make("div", "bar", make("i"));
  bar.firstChild.style.width = 100 * f.spent + "%";
  const percent = 100 * (1 - f.spent);
  const left = percent > 99.9 ? "more than 99.9" : percent.toFixed(1);
  const whose = !f.owner ? "nobody: every worker may issue its ids" : named(f.owner) + (f.session ? ", for " + f.lease_ms / 1000 + "\u202fs at a time" : ", whose session has ended: the next worker that is asked takes it over");
  box.replaceChildren(
    make("p", "mark", f.last), make("p", "of", "every id up to here is spent or reserved" + (f.period ? ", in " + f.period : "")), bar,
    make("dl", "pairs", ...pair("Key", f.store + " / " + f.key), ...(f.period ? pair("Period", f.period) : []), ...pair("Left", grouped(f.left) + " (" + left + "\u202f%)"),
      ...pair("Owner", whose), ...pair("Written by", named(f.by)), ...(f.rule ? pair("Printed as", f.rule) : [])));
}

submitting($("lookup-form"), () => fetch("page/key?" + new URLSearchParams({ store: $("lookup-store").value, key: $("lookup-key").value }), { signal: AbortSignal.timeout(PATIENCE) }), showFound);

submitting($("ask-form"), () => fetch("page/ids", {
  method: "POST", headers: { "Content-Type": "application/json" }, signal: AbortSignal.timeout(PATIENCE),
  body: JSON.stringify({ store: $("ask-store").value, key: $("ask-key").value, n: Number($("ask-n").value), mode: $("ask-mode").value }),
}), (got) => {
  const of = $("ask-store").value + " / " + $("ask-key").value;
  let ids = make("span", "ids problem", got.error || "");
  if (!got.error) {
    const numbers = got.numbers || [];
    ids = make("span", "ids", numbers.length ? numbers[0] + (numbers.length > 1 ? " … " + numbers[numbers.length - 1] : "") : got.n > 1 ? got.first + "–" + got.last : got.first);
  }
  const list = $("answers");
  list.prepend(make("li", "", ids, make("span", "of", of + (got.error ? "" : ", " + duration(got.took_ns)))));
  while (list.children.length > 6) list.lastChild.remove();
});

follow();
