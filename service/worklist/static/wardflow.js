"use strict";
{ // a scope of its own: dictation.js shares the page
const main = document.querySelector("main"), byId = (id) => document.getElementById(id);
const setText = (element, text) => { if (element && element.textContent !== text) element.textContent = text; };

// Time is the server's: this machine's clock may be wrong, so only its differences are used.
const begun = performance.getEntriesByType("navigation")[0]?.responseStart || performance.now();
let clock = { server: Number(document.documentElement.dataset.now), here: begun };
const serverNow = () => clock.server + performance.now() - clock.here;
const span = (s) => s < 120 ? `${s} s` : s < 7200 ? `${Math.floor(s / 60)} min` : `${Math.floor(s / 3600)} h`;
function countdown(ms) {
  const s = Math.floor(Math.abs(ms) / 1000);
  return ms < 0 ? `${span(s)} overdue` : `in ${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
}
function tick() {
  const now = serverNow();
  for (const e of document.querySelectorAll("[data-since]")) setText(e, `${span(Math.floor(Math.max(0, now - e.dataset.since) / 1000))} ago`);
  for (const e of document.querySelectorAll("[data-due]")) { setText(e, countdown(e.dataset.due - now)); e.classList.toggle("overdue", e.dataset.due < now); }
  for (const e of document.querySelectorAll("form.undo")) {
    const left = Math.ceil((e.dataset.until - now) / 1000), button = e.querySelector("button");
    setText(e.querySelector(".left"), left > 0 ? `(${left} s)` : "(too late)");
    if (left <= 0) button.disabled = true;
  }
  showLive();
}

// "Live" is proven by heartbeats, a second apart, and never assumed.
const LOST_MS = 4000, TICK_MS = 250, live = byId("live");
let lastBeat = 0, behind = false;
// Heartbeats prove the connection, not that what came was read: what failed is read again with the next one.
document.addEventListener("htmx:finally:request", (event) => {
  const { ctx } = event.detail;
  if (ctx.sourceElement?.id === "rows") behind = ctx.status !== "swapped" || ctx.response.status >= 400 || ctx.response.raw.redirected;
});
function showLive() {
  if (!live || !lastBeat) return;
  const silent = performance.now() - lastBeat, lost = silent > LOST_MS || behind;
  live.dataset.live = lost ? "lost" : "live";
  const since = Math.max(5, Math.floor(silent / 5000) * 5); // in steps, since each change is read out
  setText(live, behind ? "Not up to date: what is new could not be read" : lost ? `Connection lost ${span(since)} ago: this page may be out of date` : "Live");
}
main?.addEventListener("heartbeat", (event) => {
  const sent = Number(event.detail?.data);
  if (sent) clock = { server: sent, here: performance.now() };
  if (behind && byId("rows")) main.dispatchEvent(new CustomEvent("casechange"));
});
for (const name of ["heartbeat", "casechange"]) main?.addEventListener(name, () => { lastBeat = performance.now(); tick(); });
setInterval(tick, TICK_MS);
document.addEventListener("visibilitychange", tick);

// An open case never replaces itself. What changed is said, and nothing can be decided until a person has seen it.
const SETTLE_MS = 800, CHECK_MS = 5000, strip = byId("changed"), shown = main?.dataset ?? {};
const rendered = performance.now();
let sent = false, pausing = 0, news = "none", newsAt = 0, checking = false, again = false, over = false, beats = 0;
const disarmed = () => pausing !== 0 || news !== "none";
function arm() {
  if (main) main.dataset.armed = disarmed() ? "no" : "yes";
  for (const button of document.querySelectorAll(".decide form button[type=submit]:not(.enter), .decide form button[name=kind]")) {
    if (disarmed() && !button.disabled) { button.disabled = true; button.dataset.disarmed = "yes"; }
    else if (!disarmed() && button.dataset.disarmed) { button.disabled = false; delete button.dataset.disarmed; }
  }
}
function pause() { clearTimeout(pausing); pausing = setTimeout(() => { pausing = 0; arm(); }, SETTLE_MS); arm(); }
function announce(change) {
  if (change.news === "ended") { over = true; setText(byId("ended"), change.message); document.querySelector(".decide form.undo")?.remove(); return; }
  if (sent || news === "changed" && change.news !== "changed") return; // an answer is on its way, and brings its own page
  const text = strip.querySelector("p");
  if (change.news === news && text.textContent === change.message) return;
  const button = strip.querySelector("button"), focused = document.activeElement;
  news = change.news;
  newsAt = performance.now();
  strip.hidden = news === "none";
  button.hidden = news !== "changed";
  setText(text, change.message);
  arm();
  if (news === "changed" && !typing(focused)) button.focus();
}
async function check() {
  if (checking) { again = true; return; }
  checking = true;
  const { version, state, stale, decision } = shown;
  try {
    const answer = await fetch(`/cases/${encodeURIComponent(shown.case)}/changes?${new URLSearchParams({ version, state, stale, decision })}`, { headers: { Accept: "application/json" }, signal: AbortSignal.timeout(CHECK_MS) });
    behind = !answer.ok;
    if (answer.ok) announce(await answer.json());
  } catch { behind = true; }
  checking = false;
  if (again) { again = false; check(); }
}
if (shown.case) {
  main.addEventListener("casechange", (event) => { if (!over && (event.detail?.data || shown.case) === shown.case) check(); });
  main.addEventListener("heartbeat", () => { if (!over && beats++ % 2 === 0) check(); });
}
// What a person was typing outlives the look at what changed; the answer that was chosen does not.
const draftKey = `wardflow draft ${shown.case}`;
const fields = () => [...document.querySelectorAll(".decide [name=reason], .decide .item [name^=item-]")];
const named = (field) => `${field.form.className} ${field.name}`;
function acknowledge() {
  if (performance.now() - newsAt < SETTLE_MS) return; // a key or click that was meant for what was there before
  if (document.querySelector("[data-speak] [aria-pressed=true]")) return complain("The recording goes on: end it first.");
  const draft = fields().filter((f) => f.value !== f.defaultValue || f.value && f.name === "reason").map((f) => [named(f), { value: f.value, was: f.name === "reason" ? "" : f.defaultValue }]);
  if (draft.length) sessionStorage.setItem(draftKey, JSON.stringify(draft));
  location.replace(`/cases/${encodeURIComponent(shown.case)}?since=${shown.version}`);
}
strip?.querySelector("button").addEventListener("click", acknowledge);
addEventListener("DOMContentLoaded", () => {
  const draft = new Map(JSON.parse(sessionStorage.getItem(draftKey) || "[]"));
  sessionStorage.removeItem(draftKey);
  for (const field of fields()) {
    const kept = draft.get(named(field));
    if (kept && field.defaultValue === kept.was) { field.value = kept.value; field.dispatchEvent(new Event("input", { bubbles: true })); }
  }
});
// A key meant for the page before must not answer the one that shows the change: nothing counts until keys are quiet.
if (new URLSearchParams(location.search).has("since") || document.querySelector(".decide > p:is(.message, .strip):not(#missing)")) pause();
else arm();

// Each form is one answer. What is missing is said here, and nothing is sent.
function complain(text, field) {
  const message = byId("missing");
  message.hidden = false;
  setText(message, text);
  field?.focus();
}
// Whether the chosen level is less urgent than the rules demand; levels stand from the most to the least urgent.
function below(form) {
  const codes = [...form.querySelectorAll("input[name=selected]")], floor = codes.findIndex((code) => code.value === form.dataset.floor);
  return floor >= 0 && codes.findIndex((code) => code.checked) > floor;
}
function missing(form) {
  const kind = form.elements.namedItem("kind")?.value, noun = form.dataset.noun;
  const radio = form.querySelector("input[name=selected]"), reason = form.elements.namedItem("reason");
  if (radio && !form.querySelector("input[name=selected]:checked")) return [`No ${noun} is chosen: press its number. Nothing was sent.`, radio];
  if (kind === "choose" && below(form) && !reason.value.trim()) return [`The rules demand at least ${form.dataset.floor}: less needs a reason. Nothing was sent.`, reason];
  if (kind === "choose") return null;
  if (reason && !reason.value.trim()) return [kind === "reject" ? "A rejection needs a reason. Nothing was sent." : kind === "withdraw" ? "A withdrawal needs a reason. Nothing was sent." : "A change needs a reason. Nothing was sent.", reason];
  return null;
}
document.querySelector(".decide")?.addEventListener("submit", (event) => {
  if (event.submitter?.classList.contains("enter")) return event.preventDefault();
  if (event.defaultPrevented) return;
  const form = event.target, lacks = missing(form);
  if (sent || disarmed()) return event.preventDefault();
  if (document.querySelector("[data-speak][data-unsent], [data-speak] [aria-pressed=true]")) { event.preventDefault(); return complain("A recording goes on or is not sent: end it, send it or discard it first. Nothing was sent."); }
  if (lacks) { event.preventDefault(); return complain(...lacks); }
  sent = true;
  if (form.elements.namedItem("dwell_ms")) form.elements.namedItem("dwell_ms").value = Math.round(performance.now() - rendered);
});
document.querySelector(".decide")?.addEventListener("input", () => { byId("missing").hidden = true; });
addEventListener("pageshow", () => { sent = false; });
// The list may bring the next strip under a second key or click that was meant for the first.
byId("rows")?.addEventListener("submit", (event) => { if (sent) return event.preventDefault(); sent = true; });
document.querySelector("form.choose")?.addEventListener("change", (event) => {
  if (event.target.name === "selected") setText(event.target.form.querySelector("[data-record] span"), ` ${event.target.value}`);
});

function typing(target) {
  return /^(INPUT|TEXTAREA|SELECT)$/.test(target?.tagName) && !["radio", "checkbox"].includes(target.type);
}
function move(step) {
  const rows = [...document.querySelectorAll("a.open")], at = rows.indexOf(document.activeElement);
  rows[Math.min(rows.length - 1, Math.max(0, at + step))]?.focus();
}
function choose(radio) {
  byId("missing").hidden = true;
  radio.checked = true;
  radio.dispatchEvent(new Event("change", { bubbles: true }));
  const record = radio.form.querySelector("[data-record]");
  (record && !below(radio.form) ? record : radio.form.elements.namedItem("reason")).focus();
}
function withoutControl(key) {
  const change = document.querySelector("form.change"), choice = document.querySelector("form.choose");
  if (key === "a" && choice) complain("Nothing is proposed to approve: press the number that you choose.");
  if (change && key === change.dataset.proposed) {
    for (const radio of change.querySelectorAll("input[name=selected]")) radio.checked = false;
    complain(`${key} is the suggestion: press a to approve it.`);
  }
}
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (pausing) pause();
  if (event.key === "Enter" && news !== "none") {
    if (event.target.tagName === "A" || event.target.tagName === "TEXTAREA" || event.target.closest?.("summary")) return;
    event.preventDefault();
    const button = strip.querySelector("button");
    if (typing(event.target) || event.repeat) button.focus();
    else if (!button.hidden) acknowledge();
    return;
  }
  if (typing(event.target)) return;
  if (event.key === "j" || event.key === "k") return move(event.key === "j" ? 1 : -1);
  if (event.repeat) return;
  const control = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (disarmed() && (control || /^[a-z0-9]$/.test(event.key)) && main?.dataset.case) { if (control) event.preventDefault(); return; }
  if (!control) return withoutControl(event.key);
  event.preventDefault();
  if (control.type === "radio") choose(control);
  else if (control.tagName === "INPUT") control.focus();
  else control.click();
});
tick();
}
