"use strict";
// Items of a note: each is played from its own seconds, and a marked one is answered before the note is filed.
const form = document.querySelector(".items")?.form ?? null;
const itemOf = (element) => element?.closest?.(".item");
const tick = (item) => item.querySelector("input[type=checkbox]");
const field = (item) => item.querySelector("textarea, input:not([type=checkbox])");
const mustType = (item) => "mustType" in item.dataset;
const marked = () => [...document.querySelectorAll(".item.doubt")];
const answered = (item) => Boolean(tick(item)?.checked || (mustType(item) && field(item).value.trim()));
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
  const target = document.getElementById(button.dataset.for);
  target.value = button.dataset.fill;
  target.dispatchEvent(new Event("input", { bubbles: true }));
}
// What must be typed begins with listening: Space on its button plays, and confirms nothing.
function visit(item) {
  item.closest("details")?.setAttribute("open", "");
  ((mustType(item) ? item.querySelector(".play") : tick(item)) || field(item)).focus();
}
const marks = document.querySelector(".items .marks");
function countMarks(asked) {
  const all = marked(), left = all.filter((item) => !answered(item)).length;
  const words = left === 1 ? "1 mark left" : `${left} marks left`;
  if (marks) marks.textContent = asked || (all.length ? (left ? words : "No mark left") : "");
  marks?.classList.toggle("message", Boolean(asked));
  return words;
}
if (form) {
  form.noValidate = true; // the page says itself what is open, in words that ask nobody to tick a box
  countMarks();
  form.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.dataset.audio) play(button);
    if (button?.dataset.fill) { take(button); tick(itemOf(button))?.focus(); }
  });
  // Words that a person typed are an answer; what is empty or unchanged is none. What is left out has no words.
  form.addEventListener("input", (event) => {
    const item = itemOf(event.target), box = item && tick(item);
    if (box && event.target !== box) box.checked = !mustType(item) && event.target.value !== event.target.defaultValue;
    else if (box?.checked && mustType(item)) field(item).value = "";
    countMarks();
  });
  // Enter in an item files nothing.
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.tagName === "INPUT" && itemOf(event.target)) event.preventDefault();
  });
  document.addEventListener("submit", (event) => {
    if (event.target !== form || event.submitter?.matches("[value=reject], .enter")) return;
    const left = marked().find((item) => !answered(item));
    const wrong = [...form.querySelectorAll(".item input[pattern]")].find((input) => input.validity.patternMismatch);
    if (!left && !wrong) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (left) visit(left);
    else { wrong.closest("details")?.setAttribute("open", ""); wrong.focus(); }
    countMarks(left ? `Listen to it, then confirm it, or type what was said: ${countMarks()}.`
      : `${form.querySelector(`label[for="${wrong.id}"]`).textContent}: type it as a number.`);
  }, true);
}
function typing(target) {
  return /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) && !["radio", "checkbox"].includes(target.type);
}
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || typing(event.target)) return;
  const all = marked(), inside = itemOf(document.activeElement);
  const here = inside || all.find((item) => !answered(item));
  if (event.key === "n" && all.length) {
    const next = [...all.slice(all.indexOf(inside) + 1), ...all].find((item) => !answered(item));
    if (next) visit(next);
    else form.querySelector("button[name=kind]")?.focus();
  } else if (event.key === "p" && here?.querySelector(".play")) play(here.querySelector(".play"));
  else if (event.key === "o" && here?.querySelector(".other")) { take(here.querySelector(".other")); tick(here).focus(); }
});

// Dictation belongs to the open case, or to the row of the list that was focused last, or to nobody.
const rows = document.getElementById("rows");
const speakers = [];
let chosen = null;
const chosenRow = () => { const row = chosen && document.getElementById(chosen); return row?.dataset.name ? row : null; };
function choose() {
  const focused = document.activeElement?.closest?.("#rows tr");
  if (focused) chosen = focused.id; // one that is decided means nobody: chosenRow
  const row = chosenRow();
  if (!row) chosen = null; // gone or decided: nobody, rather than the next
  for (const other of rows.querySelectorAll("tr.chosen")) if (other !== row) other.classList.remove("chosen");
  if (row && !row.classList.contains("chosen")) row.classList.add("chosen");
  speakers.forEach((show) => show());
}
function patient(section) {
  const from = section.dataset.case ? section : chosenRow();
  return from && { id: from.dataset.case || from.id.slice("row-".length), stay: from.dataset.encounter, name: from.dataset.name };
}

// A key or a button is held, or pressed once to begin and once to end; then the recording goes to the chart.
const LEAST_MS = 400, MOST_MS = 600_000;
for (const section of document.querySelectorAll("[data-speak]")) {
  const [button, again, discard] = section.querySelectorAll("button"), status = section.querySelector("[role=status]");
  const words = button.querySelector("span");
  let recorder = null, wanted = null, kept = null, held = false;
  const say = (text) => { if (status.textContent !== text) status.textContent = text; };
  if (!window.MediaRecorder || !navigator.mediaDevices) { button.disabled = true; say("This browser can't record."); continue; }
  function show() {
    const of = wanted || patient(section);
    const text = wanted ? `Recording for ${of.name}, ${held ? "release" : "press again"} to stop`
      : of ? `Dictate for ${of.name}` : "Choose a patient first (j, k)";
    if (words.textContent !== text) words.textContent = text;
    button.disabled = !of;
    button.setAttribute("aria-pressed", String(Boolean(recorder)));
    again.hidden = discard.hidden = !kept || kept.sending;
    section.toggleAttribute("data-unsent", Boolean(kept));
  }
  speakers.push(show);
  async function send() {
    const { of, blob, id } = kept;
    kept.sending = true;
    show();
    say(`Sending for ${of.name}…`);
    try {
      const headers = { "Content-Type": blob.type, "X-Recording": id, "X-Encounter": of.stay };
      const answer = await fetch(`/cases/${of.id}/recordings`, { method: "POST", headers, body: blob });
      if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error || "");
      kept = null;
      say(`In the chart for ${of.name}. The note appears in the list.`);
    } catch (fault) {
      kept.sending = false;
      const why = fault instanceof TypeError ? "" : fault.message;
      say(`Not sent for ${of.name}. ${why || "The recording is still here."}`);
    }
    show();
  }
  function ended(parts, began, of) {
    recorder = wanted = null;
    show();
    if (performance.now() - began < LEAST_MS) return say("Hold it while you speak.");
    kept = { blob: new Blob(parts, { type: parts[0]?.type || "audio/webm" }), id: crypto.randomUUID(), of };
    return send();
  }
  async function start(holding) {
    if (wanted) return;
    if (kept) return say(`The recording for ${kept.of.name} is not sent yet: send it again, or discard it.`);
    const of = patient(section);
    if (!of) return say("Choose a patient first (j, k).");
    wanted = of;
    held = holding;
    say("");
    show();
    let stream;
    try { stream = await navigator.mediaDevices.getUserMedia({ audio: true }); }
    catch { wanted = null; show(); return say("No microphone, or it is not allowed."); }
    if (wanted !== of) return stream.getTracks().forEach((track) => track.stop());
    const parts = [], began = performance.now(), current = new MediaRecorder(stream);
    recorder = current;
    current.ondataavailable = (event) => event.data.size && parts.push(event.data);
    current.onstop = () => { stream.getTracks().forEach((track) => track.stop()); ended(parts, began, of); };
    current.start(250);
    setTimeout(() => current.state === "recording" && current.stop(), MOST_MS);
    show();
  }
  function stop() {
    if (recorder?.state === "recording") recorder.stop();
    else if (wanted && !recorder) { wanted = null; show(); }
  }
  button.addEventListener("pointerdown", (event) => { if (event.button === 0) start(true); });
  for (const name of ["pointerup", "pointercancel", "pointerleave"]) button.addEventListener(name, () => held && stop());
  button.addEventListener("click", (event) => { if (event.detail === 0) wanted ? stop() : start(false); });
  again.addEventListener("click", send);
  discard.addEventListener("click", () => { kept = null; show(); say("The recording is discarded."); });
  document.addEventListener("keydown", (event) => {
    if (event.key === "d" && !event.repeat && !event.ctrlKey && !event.metaKey && !event.altKey && !typing(event.target)) start(true);
  });
  document.addEventListener("keyup", (event) => { if (event.key === "d" && held) stop(); });
  addEventListener("blur", () => { if (held) stop(); }); // the key's release is not seen elsewhere
  addEventListener("beforeunload", (event) => { if (kept || wanted) event.preventDefault(); });
  show();
}
if (rows && speakers.length) {
  document.addEventListener("focusin", choose);
  rows.addEventListener("click", (event) => event.target.closest("tr[data-name]")?.querySelector("a.open")?.focus());
  new MutationObserver(choose).observe(rows, { childList: true, subtree: true, attributeFilter: ["class", "data-name"] });
  choose();
}
