"use strict";
// "Live" is proven by heartbeats, never assumed: two that stay out mean that the list may be old.
const HEARTBEAT_MS = 2000;
const live = document.getElementById("live");
let lastBeat = 0;
function beat() { lastBeat = Date.now(); show(); }
function show() {
  if (!live || !lastBeat) return;
  const lost = Date.now() - lastBeat > 3 * HEARTBEAT_MS;
  live.dataset.live = lost ? "lost" : "live";
  live.textContent = lost ? `Not live for ${Math.round((Date.now() - lastBeat) / 1000)} s` : "Live";
}
const main = document.querySelector("main");
for (const name of ["heartbeat", "casechange"]) main?.addEventListener(name, beat);
setInterval(show, 1000);

// An open case follows what changes, unless a person has begun to answer.
let sent = false;
const rendered = performance.now();
const edited = (form) => [...form.querySelectorAll(".item [name]")].some((field) => field.value !== field.defaultValue);
document.querySelector(".decide form")?.addEventListener("submit", (event) => {
  sent = true;
  event.target.dwell_ms.value = Math.round(performance.now() - rendered);
});
main?.addEventListener("casechange", (event) => {
  const form = document.querySelector(".decide form");
  const begun = sent || form && (form.reason.value || form.querySelector("input:checked") || edited(form)) || document.querySelector("[data-speak] [aria-pressed=true]");
  if (main.dataset.case && event.detail?.data === main.dataset.case && !begun) location.replace(location.pathname);
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) && !["radio", "checkbox"].includes(event.target.type)) return;
  const rows = [...document.querySelectorAll("a.open")];
  if ((event.key === "j" || event.key === "k") && rows.length) {
    const at = rows.indexOf(document.activeElement);
    rows[Math.min(rows.length - 1, Math.max(0, at + (event.key === "j" ? 1 : -1)))].focus();
  }
  const control = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (!control) return;
  event.preventDefault();
  if (control.type === "radio") { control.checked = true; document.querySelector("input[name=reason]").focus(); }
  else if (control.value === "reject" && !control.form.reason.value) control.form.reason.focus();
  else if (control.tagName === "INPUT") control.focus();
  else control.click();
});
