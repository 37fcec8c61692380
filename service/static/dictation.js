"use strict";
// Items of a note: each is played from its own seconds, and a marked one is confirmed or corrected before it is filed.
const form = document.querySelector(".decide form");
const itemOf = (element) => element?.closest?.(".item");
const confirmed = (item) => item.querySelector("input[type=checkbox]");
let playing = null;
function play(button) {
  const audio = document.getElementById(button.dataset.audio);
  document.querySelectorAll("audio").forEach((other) => other.pause());
  audio.currentTime = Math.max(0, Number(button.dataset.start) - 0.2);
  playing = { audio, until: button.dataset.end ? Number(button.dataset.end) + 0.2 : Infinity };
  audio.play();
}
function watch() {
  if (playing && playing.audio.currentTime >= playing.until) { playing.audio.pause(); playing = null; }
  requestAnimationFrame(watch);
}
if (document.querySelector("audio")) watch();
function take(button) {
  const field = document.getElementById(button.dataset.for);
  field.value = button.dataset.fill;
  field.dispatchEvent(new Event("input", { bubbles: true }));
}
form?.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.audio) play(button);
  if (button?.dataset.fill) { take(button); confirmed(itemOf(button))?.focus(); }
});
// Words that a person typed are confirmed by that; what is empty or unchanged is not.
form?.addEventListener("input", (event) => {
  const item = itemOf(event.target), box = item && confirmed(item);
  if (!box || event.target === box) return;
  box.checked = event.target.value !== event.target.defaultValue;
});
function typing(target) {
  return /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) && !["radio", "checkbox"].includes(target.type);
}
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || typing(event.target)) return;
  const marked = [...document.querySelectorAll(".item.doubt")];
  const here = itemOf(document.activeElement) || marked.find((item) => !confirmed(item).checked);
  if (event.key === "n" && marked.length) {
    const after = marked.slice(marked.indexOf(here && marked.includes(here) && itemOf(document.activeElement) ? here : null) + 1);
    const next = [...after, ...marked].find((item) => !confirmed(item).checked);
    (next ? confirmed(next) : form.querySelector("[value=approve]")).focus();
  } else if (event.key === "p" && here?.querySelector(".play")) play(here.querySelector(".play"));
  else if (event.key === "o" && here?.querySelector(".other")) { take(here.querySelector(".other")); confirmed(here).focus(); }
});

// Speaking: a key or a button is held, or pressed once to begin and once to end; then the recording goes to the chart.
const LEAST_MS = 400, MOST_MS = 600_000;
for (const section of document.querySelectorAll("[data-speak]")) {
  const [button, again] = section.querySelectorAll("button"), told = section.querySelector("[role=status]");
  const words = button.querySelector("span"), choice = section.querySelector("select");
  let recorder = null, wanted = false, kept = null;
  const say = (text) => { told.textContent = text; };
  if (!window.MediaRecorder || !navigator.mediaDevices) { button.disabled = true; say("This browser can't record."); continue; }
  async function send() {
    again.hidden = true;
    say("Sending…");
    try {
      const headers = { "Content-Type": kept.blob.type, "X-Recording": kept.id };
      const answer = await fetch(`/cases/${kept.case}/recordings`, { method: "POST", headers, body: kept.blob });
      if (!answer.ok) throw new Error(answer.status);
      kept = null;
      say("In the chart. The note comes to the worklist by itself.");
    } catch { say("Not sent. The recording is still here."); again.hidden = false; }
  }
  function ended(parts, began, of) {
    words.textContent = "Hold to speak";
    button.setAttribute("aria-pressed", "false");
    if (performance.now() - began < LEAST_MS) return say("Hold it while you speak.");
    kept = { blob: new Blob(parts, { type: parts[0]?.type || "audio/webm" }), id: crypto.randomUUID(), case: of };
    return send();
  }
  async function start() {
    if (recorder || wanted || kept || button.disabled) return;
    const of = section.dataset.case || choice?.value;
    if (!of) return say("Nobody is waiting.");
    wanted = true;
    let stream;
    try { stream = await navigator.mediaDevices.getUserMedia({ audio: true }); }
    catch { wanted = false; return say("No microphone, or it is not allowed."); }
    if (!wanted) return stream.getTracks().forEach((track) => track.stop());
    const parts = [], began = performance.now(), current = new MediaRecorder(stream);
    recorder = current;
    current.ondataavailable = (event) => event.data.size && parts.push(event.data);
    current.onstop = () => { stream.getTracks().forEach((track) => track.stop()); recorder = null; ended(parts, began, of); };
    current.start(250);
    setTimeout(() => current.state === "recording" && current.stop(), MOST_MS);
    words.textContent = "Recording: let go to end";
    button.setAttribute("aria-pressed", "true");
    say("");
  }
  function stop() { wanted = false; if (recorder?.state === "recording") recorder.stop(); }
  button.addEventListener("pointerdown", (event) => { if (event.button === 0) start(); });
  for (const name of ["pointerup", "pointercancel", "pointerleave"]) button.addEventListener(name, stop);
  button.addEventListener("click", (event) => { if (event.detail === 0) recorder || wanted ? stop() : start(); });
  again.addEventListener("click", send);
  document.addEventListener("keydown", (event) => {
    if (event.key === "d" && !event.repeat && !event.ctrlKey && !event.metaKey && !event.altKey && !typing(event.target)) start();
  });
  document.addEventListener("keyup", (event) => { if (event.key === "d") stop(); });
}
