// Choosing a time in the guest's own zone, and booking it. Without this script the page works by links and forms.

const root = document.querySelector("[data-picker]");
const known = JSON.parse(root.dataset.known);
const part = (name) => root.querySelector(`[data-${name}]`);
const all = (name) => root.querySelectorAll(`[data-${name}]`);
const form = part("details");
const language = navigator.language?.startsWith("en") ? navigator.language : "en-GB";

// ── what is known ──────────────────────────────────────────────────────────────────────────────────────────────────

const state = {
  zone: known.named ? known.zone : ownZone(),
  twelve: usesTwelveHours(),
  months: new Map(), // "2026-11" → Map("2026-11-26" → [minutes since 1970]), or the promise of it
  month: known.month,
  day: null,
  start: null,
  done: false,
};

function ownZone() {
  const found = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const offered = Array.from(document.querySelectorAll("#zones option"), (option) => option.value);
  return offered.includes(found) ? found : known.zone;
}

function usesTwelveHours() {
  const kept = recall("oncelink_clock");
  return kept ? kept === "12" : Boolean(Intl.DateTimeFormat(navigator.language, { hour: "numeric" }).resolvedOptions().hour12);
}

function recall(name) {
  try { return localStorage.getItem(name); } catch { return null; } // storage may be refused
}

function keep(name, value) {
  try { localStorage.setItem(name, value); } catch { /* then it holds for this page */ }
}

// ── dates and times ────────────────────────────────────────────────────────────────────────────────────────────────

const formats = new Map();

function format(minutes, options, zone = state.zone, locale = language) {
  const name = JSON.stringify([options, zone, locale]);
  if (!formats.has(name)) formats.set(name, new Intl.DateTimeFormat(locale, { timeZone: zone, ...options }));
  return formats.get(name).format(minutes * 60_000);
}

const ISO_DAY = { year: "numeric", month: "2-digit", day: "2-digit" };
const LONG_DAY = { weekday: "long", day: "numeric", month: "long", year: "numeric" };
const dayOf = (minutes) => format(minutes, ISO_DAY, state.zone, "en-CA");
const noon = (day) => Date.parse(`${day}T12:00Z`) / 60_000;
const dayInWords = (day) => format(noon(day), LONG_DAY, "UTC");
const shortDay = (day) => format(noon(day), { weekday: "short", day: "numeric", month: "long" }, "UTC").replace(/^(\w+) /, "$1, ");
const monthInWords = (month) => format(noon(`${month}-15`), { month: "long", year: "numeric" }, "UTC");
const iso = (minutes) => new Date(minutes * 60_000).toISOString().replace(".000", "");
const zoneInWords = (zone) => zone.replaceAll("_", " ");

function timeInWords(minutes) {
  const hours = state.twelve ? { hour: "numeric", hourCycle: "h12" } : { hour: "2-digit", hourCycle: "h23" };
  return format(minutes, { ...hours, minute: "2-digit" }).replace(/\s?(AM|PM)$/i, (half) => ` ${half.trim().toLowerCase()}`);
}

function offset(minutes, zone = state.zone) {
  const said = format(minutes, { hour: "numeric", timeZoneName: "shortOffset" }, zone, "en-US");
  return (/GMT.*$/.exec(said)?.[0] ?? "GMT").replace(/[+-]0$/, "");
}

function spanInWords(start) {
  const end = start + known.minutes;
  const until = dayOf(end) === dayOf(start) ? timeInWords(end) : `${timeInWords(end)}, ${dayInWords(dayOf(end))}`;
  return `${timeInWords(start)} – ${until}`;
}

function clockChange(day) {
  const [before, after] = [0, 24 * 60].map((later) => {
    const midnight = Date.parse(`${day}T00:00Z`) / 60_000 + later;
    return distance(midnight - distance(midnight));
  });
  return after === before ? "" : `Clocks go ${after > before ? "forward" : "back"} on this day.`;
}

function distance(minutes) { // from UTC, in minutes
  const [, sign, hours, rest] = /GMT(?:([+-])(\d+)(?::(\d+))?)?/.exec(offset(minutes));
  return sign ? Number(`${sign}1`) * (Number(hours) * 60 + Number(rest ?? 0)) : 0;
}

// ── months ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const firstMonth = () => dayOf(known.now).slice(0, 7);
const lastMonth = () => dayOf(known.until).slice(0, 7);

function monthAfter(month) {
  return new Date(Date.parse(`${month}-01T00:00Z`) + 32 * 86_400_000).toISOString().slice(0, 7);
}

function byDay(starts, month) {
  const days = new Map();
  for (const start of starts) {
    const day = dayOf(start);
    if (!day.startsWith(month) || start === known.current) continue;
    if (!days.has(day)) days.set(day, []);
    days.get(day).push(start);
  }
  return days;
}

function load(month) {
  if (!state.months.has(month)) {
    const asked = state.months;
    asked.set(month, ask(month).then((days) => (asked.set(month, days), days), (error) => (asked.delete(month), Promise.reject(error))));
  }
  return state.months.get(month);
}

async function ask(month) {
  const last = new Date(Date.parse(`${monthAfter(month)}-01T00:00Z`) - 86_400_000).toISOString().slice(0, 10);
  const query = new URLSearchParams({ from: `${month}-01`, to: last, time_zone: state.zone });
  const answer = await fetch(`${known.slots}?${query}`);
  if (answer.status === 410 || answer.status === 404) location.reload(); // the page says what became of the link
  if (!answer.ok) throw new Error(answer.status);
  const { slots } = await answer.json();
  return byDay(slots.map((slot) => Date.parse(slot.start) / 60_000), month);
}

function prefetch() { // the month that the guest is likely to turn to, once they touch the calendar at all
  const following = monthAfter(state.month);
  if (following <= lastMonth()) load(following)?.catch?.(() => {});
}

// ── the month, as a calendar ───────────────────────────────────────────────────────────────────────────────────────

const calendar = document.createElement("calendar-date");

function mountCalendar() {
  calendar.append(...["previous", "next"].map((name) => {
    const icon = document.createElement("span");
    icon.slot = name;
    icon.className = `turn-icon turn-${name}`;
    icon.append(name === "previous" ? "Previous month" : "Next month");
    return icon;
  }));
  const heading = part("month-name");
  heading.slot = "heading";
  calendar.locale = language;
  calendar.formatWeekday = "short";
  calendar.firstDayOfWeek = known.sunday ? 0 : 1;
  calendar.append(heading, document.createElement("calendar-month"));
  calendar.addEventListener("focusday", (event) => turnTo(event.detail.toISOString().slice(0, 10)));
  calendar.addEventListener("change", () => choose(calendar.value));
  for (const touch of ["pointerenter", "touchstart", "focusin"]) {
    calendar.addEventListener(touch, () => {
      if (calendar.dataset.touched === undefined) prefetch();
      calendar.dataset.touched = "";
    }, { passive: true });
  }
  part("month").replaceChildren(calendar);
}

function drawCalendar() {
  const days = state.months.get(state.month);
  const free = days instanceof Map ? days : new Map();
  calendar.min = `${firstMonth()}-01`;
  calendar.max = lastDay(lastMonth());
  calendar.today = dayOf(known.now);
  calendar.isDateDisallowed = (date) => !free.has(date.toISOString().slice(0, 10));
  calendar.getDayParts = (date) => (free.has(date.toISOString().slice(0, 10)) ? "free" : "");
  calendar.value = state.day ?? "";
  calendar.toggleAttribute("data-loading", !(days instanceof Map));
  calendar.querySelector("[slot=heading]").textContent = monthInWords(state.month);
}

function lastDay(month) {
  return new Date(Date.parse(`${monthAfter(month)}-01T00:00Z`) - 86_400_000).toISOString().slice(0, 10);
}

async function turnTo(day) {
  const month = day.slice(0, 7);
  if (month !== state.month) await open(month);
}

async function open(month, day = null) {
  state.month = month;
  state.day = null;
  calendar.focusedDate = day ?? (calendar.focusedDate?.startsWith(month) ? calendar.focusedDate : `${month}-01`);
  let days = state.months.get(month);
  if (!(days instanceof Map)) {
    draw();
    try {
      days = await load(month);
    } catch {
      if (state.month === month) say("We could not load the times. Please check your connection.", () => open(month, day));
      return;
    }
    if (state.month !== month) return;
  }
  say("");
  state.day = days.has(day) ? day : (days.keys().next().value ?? null);
  draw();
  if (calendar.dataset.touched !== undefined) prefetch();
}

function choose(day) {
  state.day = day;
  drawTimes();
  if (matchMedia("(width < 48rem)").matches) part("times").scrollIntoView({ block: "start" });
}

// ── the times of a day ─────────────────────────────────────────────────────────────────────────────────────────────

function drawTimes() {
  const panel = part("times");
  const days = state.months.get(state.month);
  const loading = !(days instanceof Map);
  const starts = loading ? [] : (days.get(state.day) ?? []);
  panel.querySelectorAll("[data-times-list], [data-times-none]").forEach((old) => old.remove());
  part("times-name").textContent = state.day ? shortDay(state.day) : monthInWords(state.month);
  const change = state.day ? clockChange(state.day) : "";
  part("times-note").textContent = change;
  part("times-note").hidden = !change;
  panel.append(loading ? skeleton() : starts.length ? listOf(starts) : none());
  panel.setAttribute("aria-busy", loading);
}

function listOf(starts) {
  const list = document.createElement("ul");
  list.className = "times-list";
  list.dataset.timesList = "";
  const labels = starts.map(timeInWords);
  starts.forEach((start, index) => {
    const link = document.createElement("a");
    link.className = "time";
    link.href = address(start);
    link.dataset.start = start;
    link.append(labels[index]);
    if (labels.indexOf(labels[index]) !== labels.lastIndexOf(labels[index])) {
      const small = document.createElement("small");
      small.append(` ${offset(start)}`);
      link.append(small);
    }
    const item = document.createElement("li");
    item.append(link);
    list.append(item);
  });
  return list;
}

function skeleton() {
  const list = document.createElement("ul");
  list.className = "times-list times-waiting";
  list.dataset.timesList = "";
  list.setAttribute("aria-hidden", "true");
  for (let count = 0; count < 6; count += 1) list.append(document.createElement("li"));
  return list;
}

function none() {
  const text = document.createElement("p");
  text.className = "times-none";
  text.dataset.timesNone = "";
  text.append(`No free times in ${monthInWords(state.month)}. `);
  nextFree(state.month).then((start) => {
    if (!start) return text.append("There are none later, either.");
    const jump = document.createElement("button");
    jump.type = "button";
    jump.className = "text-link";
    jump.append(`${dayInWords(dayOf(start))}, ${timeInWords(start)}`);
    jump.addEventListener("click", () => open(dayOf(start).slice(0, 7), dayOf(start)));
    return text.append("The next one is ", jump, ".");
  }, () => {});
  return text;
}

async function nextFree(month) {
  for (let later = month; later <= lastMonth(); later = monthAfter(later)) {
    const [starts] = (await load(later)).values();
    if (starts) return starts[0];
  }
  return null;
}

function draw() {
  drawCalendar();
  drawTimes();
  const at = state.start ?? state.months.get(state.month)?.get?.(state.day)?.[0] ?? known.now;
  all("zone-name").forEach((name) => { name.textContent = `${zoneInWords(state.zone)} (${offset(at)})`; });
  if (known.current) {
    part("was-span").textContent = spanInWords(known.current);
    part("was-day").textContent = dayInWords(dayOf(known.current));
  }
  part("clock").querySelectorAll("button").forEach((button) => button.setAttribute("aria-pressed", (button.value === "12") === state.twelve));
}

// ── zone and clock ─────────────────────────────────────────────────────────────────────────────────────────────────

async function setZone(zone) {
  state.zone = zone;
  form.elements.time_zone.value = zone;
  state.months = new Map();
  const day = state.day;
  part("zone").open = false;
  await open(state.month, day);
}

part("zone").addEventListener("toggle", async () => {
  if (!part("zone").open) return;
  const input = document.getElementById("zone-input");
  input.value = ""; // at once, so that nothing is lost that is typed while the list is on its way
  input.focus();
  const { chooseZone } = await import("./zones.js");
  chooseZone(part("zone"), state.zone, (zone) => `${timeNow(zone)} · ${offset(Date.now() / 60_000, zone)}`, setZone);
});

function timeNow(zone) {
  const own = state.zone;
  state.zone = zone;
  const said = timeInWords(Date.now() / 60_000);
  state.zone = own;
  return said;
}

part("clock").addEventListener("click", (event) => {
  if (!event.target.value) return;
  state.twelve = event.target.value === "12";
  keep("oncelink_clock", event.target.value);
  draw();
  if (state.start) drawChosen();
});

// ── from times to details and back ─────────────────────────────────────────────────────────────────────────────────

function address(start) {
  const query = new URLSearchParams({ time_zone: state.zone });
  if (start) query.set("start", iso(start));
  return `${form.getAttribute("action")}?${query}`;
}

part("times").addEventListener("click", (event) => {
  const link = event.target.closest("a.time");
  if (!link?.dataset.start || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  take(Number(link.dataset.start));
  history.pushState({ start: state.start }, "", address(state.start));
  const touch = matchMedia("(pointer: coarse)").matches;
  (touch || !form.elements.name ? part("details-name") : form.elements.name).focus({ preventScroll: true });
});

part("back").addEventListener("click", (event) => {
  event.preventDefault();
  if (history.state?.start) history.back();
  else showTimes();
});

window.addEventListener("popstate", (event) => {
  if (event.state?.start) take(event.state.start);
  else showTimes();
});

function take(start) {
  state.start = start;
  const input = document.createElement("input");
  Object.assign(input, { type: "hidden", name: "start", value: iso(start) });
  part("choices").replaceChildren(input);
  part("form-say").replaceChildren();
  drawChosen();
  step("details");
}

function drawChosen() {
  part("when-span").textContent = spanInWords(state.start);
  part("when-day").textContent = dayInWords(dayOf(state.start));
}

function showTimes() {
  state.start = null;
  step("times");
  part("times-name").focus({ preventScroll: true });
}

function step(name) {
  root.dataset.step = name;
  part("choose").hidden = name !== "times";
  form.hidden = name !== "details";
  part("when").hidden = !state.start;
  scrollTo(0, 0);
}

// ── booking ────────────────────────────────────────────────────────────────────────────────────────────────────────

function say(sentence, again) {
  const place = form.hidden ? part("say") : part("form-say");
  if (!sentence) return place.replaceChildren();
  const text = document.createElement("p");
  text.className = "notice notice-warning say";
  text.append(sentence);
  if (again) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "text-link";
    button.append("Try again");
    button.addEventListener("click", again);
    text.append(" ", button);
  }
  return place.replaceChildren(text);
}

form.addEventListener("submit", async (event) => {
  if (form.dataset.sending !== undefined) return event.preventDefault(); // a second press
  sending(true);
  if (!root.dataset.books) return undefined; // moving a meeting to a time twice moves it once
  event.preventDefault();
  return settle(await send());
});

window.addEventListener("pageshow", () => {
  if (state.done) location.reload(); // come back to by the browser's button: this form has booked, a new one may again
  else sending(false);
});

function sending(is) {
  form.toggleAttribute("data-sending", is);
  part("confirm").setAttribute("aria-disabled", is);
}

async function send() {
  const fields = new FormData(form);
  const [name, email] = [fields.get("name"), fields.get("email")];
  const request = {
    method: "POST",
    headers: { "Content-Type": "application/json", "Idempotency-Key": fields.get("key") },
    body: JSON.stringify({ start: fields.get("start"), guest: { name, email, time_zone: state.zone }, notes: fields.get("notes").trim() || null }),
  };
  for (const pause of [500, 1000, 2000, 4000, 8000, 0]) {
    const answer = await fetch(root.dataset.books, request).catch(() => null);
    if (answer && answer.status !== 503) return answer;
    say("The connection is slow. We keep trying; nothing is booked twice.");
    await new Promise((done) => setTimeout(done, pause)); // the key is the same: a lost answer is found again
  }
  return null;
}

async function settle(answer) {
  const body = await answer?.json().catch(() => null);
  if (answer?.status === 201) {
    state.done = true;
    return location.replace(`${new URL(body.manage_url).pathname}?done=booked`);
  }
  if (!answer) {
    sending(false);
    return say("We got no answer. Please press the button again: nothing is booked twice.");
  }
  const wrong = new Set((body?.errors ?? []).map((error) => error.field.split(".").pop()));
  if (body?.code === "slot_taken" || body?.code === "slot_not_offered") return again(body.detail);
  if (body?.code === "invalid" && ["name", "email", "notes"].some((name) => wrong.has(name))) return showErrors(body.errors);
  return form.submit(); // the page itself says what became of it
}

async function again(sentence) {
  sending(false);
  const day = dayOf(state.start ?? Date.parse(new FormData(form).get("start")) / 60_000);
  state.months.delete(state.month);
  history.replaceState(null, "", address());
  showTimes();
  await open(day.slice(0, 7), day);
  say(sentence);
}

function showErrors(errors) {
  sending(false);
  for (const shown of all("error")) {
    const name = shown.dataset.error;
    const found = errors.find((error) => error.field.split(".").pop() === name);
    shown.hidden = !found;
    shown.querySelector("span").textContent = found?.message ?? "";
    form.elements[name].setAttribute("aria-invalid", Boolean(found));
  }
  form.querySelector("[aria-invalid=true]")?.focus();
}

// ── begin ──────────────────────────────────────────────────────────────────────────────────────────────────────────

function begin() {
  form.elements.time_zone.value = state.zone;
  state.months.set(known.month, byDay(known.starts, known.month));
  mountCalendar();
  part("clock").hidden = false;
  const wanted = new URLSearchParams(location.search);
  const start = form.elements.start?.type === "hidden" ? Date.parse(form.elements.start.value) / 60_000 : NaN;
  if (start) take(start);
  if (start) history.replaceState({ start }, "");
  const day = start ? dayOf(start) : (wanted.get("day") ?? known.starts.map(dayOf).find((one) => one.startsWith(known.month)));
  open(known.month, day ?? null);
}

if (customElements.get("calendar-date")) begin(); // without it the month stays as the server has drawn it
root.dataset.ready = "";
