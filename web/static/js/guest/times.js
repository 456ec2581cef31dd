// The free times of the page in the guest's zone and clock: their texts, and the list of one day.
// A time is a number of minutes since 1970, a day is "2026-11-26", a month is "2026-11".

export const root = document.querySelector("[data-picker]");
export const pageData = JSON.parse(root.dataset.known);
export const findPart = (name) => root.querySelector(`[data-${name}]`);
export const findParts = (name) => root.querySelectorAll(`[data-${name}]`);
export const form = findPart("details");
export const createElement = (name, properties = {}) => Object.assign(document.createElement(name), properties);
export const language = navigator.language?.startsWith("en") ? navigator.language : "en-GB";

export const state = {
  zone: pageData.named ? pageData.zone : detectZone(),
  isTwelveHour: prefersTwelveHours(),
  months: new Map(), // month → Map(day → times), or the promise of it
  month: pageData.month,
  day: null,
  start: null, // the chosen time
  isBooked: false,
};

// The zone of the browser, which may be one that is no place, as Etc/GMT+8. Not every browser knows its own.
function detectZone() {
  try {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    return new Intl.DateTimeFormat("en", { timeZone: zone ?? "unknown" }) && zone;
  } catch {
    return pageData.zone;
  }
}

function prefersTwelveHours() {
  const clock = readSetting("oncelink_clock");
  return clock ? clock === "12" : Boolean(Intl.DateTimeFormat(navigator.language, { hour: "numeric" }).resolvedOptions().hour12);
}

function readSetting(name) {
  try { return localStorage.getItem(name); } catch { return null; } // the browser may deny storage
}

// ── texts ──────────────────────────────────────────────────────────────────────────────────────────────────────────

const formats = new Map();

function format(time, options, zone = state.zone, locale = language) {
  const key = JSON.stringify([options, zone, locale]);
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat(locale, { timeZone: zone, ...options }));
  return formats.get(key).format(time * 60_000);
}

const ISO_DAY = { year: "numeric", month: "2-digit", day: "2-digit" };
const LONG_DAY = { weekday: "long", day: "numeric", month: "long", year: "numeric" };
const SHORT_DAY = { weekday: "short", day: "numeric", month: "long" };
const toMinutes = (text) => Date.parse(text) / 60_000;
const toNoon = (day) => toMinutes(`${day}T12:00Z`);

export const toDay = (time) => format(time, ISO_DAY, state.zone, "en-CA");
export const toIso = (time) => new Date(time * 60_000).toISOString().replace(".000", "");
export const formatDay = (day) => format(toNoon(day), LONG_DAY, "UTC");
export const formatMonth = (month) => format(toNoon(`${month}-15`), { month: "long", year: "numeric" }, "UTC");
const formatShortDay = (day) => format(toNoon(day), SHORT_DAY, "UTC").replace(/^(\w+) /, "$1, ");

export function formatTime(time, zone = state.zone) {
  const hours = state.isTwelveHour ? { hour: "numeric", hourCycle: "h12" } : { hour: "2-digit", hourCycle: "h23" };
  const text = format(time, { ...hours, minute: "2-digit" }, zone);
  return text.replace(/\s?(AM|PM)$/i, (half) => ` ${half.trim().toLowerCase()}`);
}

export function formatOffset(time, zone = state.zone) {
  const text = format(time, { hour: "numeric", timeZoneName: "shortOffset" }, zone, "en-US");
  return (/GMT.*$/.exec(text)?.[0] ?? "GMT").replace(/[+-]0$/, "");
}

// A zone as people say it: "Central European Time (GMT+1)".
export function formatZone(time, zone = state.zone) {
  const offset = formatOffset(time, zone);
  const name = nameZone(time, zone) || (zone.startsWith("Etc/") ? offset : zone.split("/").pop());
  return name === offset ? name : `${name} (${offset})`;
}

// The name alone; nothing for a zone that has none but its offset.
export function nameZone(time, zone = state.zone) {
  const [, name] = / (\D.*)$/.exec(format(time, { hour: "numeric", hourCycle: "h23", timeZoneName: "longGeneric" }, zone, "en")) ?? [];
  return name && !name.startsWith("GMT") ? name : "";
}

function formatSpan(start) {
  const end = start + pageData.minutes;
  const endText = toDay(end) === toDay(start) ? formatTime(end) : `${formatTime(end)}, ${formatDay(toDay(end))}`;
  return `${formatTime(start)} – ${endText}`;
}

export const findFirstMonth = () => toDay(pageData.now).slice(0, 7);
export const findLastMonth = () => toDay(pageData.until).slice(0, 7);

export function addMonth(month) {
  return new Date(Date.parse(`${month}-01T00:00Z`) + 32 * 86_400_000).toISOString().slice(0, 7);
}

export function findLastDay(month) {
  return new Date(Date.parse(`${addMonth(month)}-01T00:00Z`) - 86_400_000).toISOString().slice(0, 10);
}

// A sentence if the clocks of the zone change on this day.
function describeClockChange(day) {
  const [before, after] = [0, 24 * 60].map((minutes) => {
    const midnight = toMinutes(`${day}T00:00Z`) + minutes;
    return computeOffset(midnight - computeOffset(midnight));
  });
  return after === before ? "" : `Clocks go ${after > before ? "forward" : "back"} on this day.`;
}

// The offset of the zone from UTC, in minutes.
function computeOffset(time) {
  const [, sign, hours, minutes] = /GMT(?:([+-])(\d+)(?::(\d+))?)?/.exec(formatOffset(time));
  return sign ? Number(`${sign}1`) * (Number(hours) * 60 + Number(minutes ?? 0)) : 0;
}

// ── the list of a day ──────────────────────────────────────────────────────────────────────────────────────────────

// The times that runs [first, step, length] stand for.
export function listStarts(runs) {
  return runs.flatMap(([first, step, length]) => Array.from({ length }, (_, index) => first + step * index));
}

// The times of the month by their day, without the time that is to be moved.
export function groupByDay(times, month) {
  const days = new Map();
  for (const time of times) {
    const day = toDay(time);
    if (!day.startsWith(month) || time === pageData.current) continue;
    if (!days.has(day)) days.set(day, []);
    days.get(day).push(time);
  }
  return days;
}

// The address of this page with the time chosen; what it fills into the form stays.
export function buildUrl(start) {
  const given = [...new URLSearchParams(location.search)].filter(([name]) => /^(name|email|q_.+)$/.test(name));
  const query = new URLSearchParams([...given, ["time_zone", state.zone]]);
  if (start) query.set("start", toIso(start));
  return `${form.getAttribute("action")}?${query}`;
}

export function renderTimes(openMonth) {
  const panel = findPart("times");
  const days = state.months.get(state.month);
  const isLoading = !(days instanceof Map);
  const times = isLoading ? [] : (days.get(state.day) ?? []);
  panel.querySelectorAll("[data-times-list], [data-times-none]").forEach((element) => element.remove());
  findPart("times-name").textContent = state.day ? formatShortDay(state.day) : formatMonth(state.month);
  const note = state.day ? describeClockChange(state.day) : "";
  findPart("times-note").textContent = note;
  findPart("times-note").hidden = !note;
  findParts("away").forEach((away) => { away.hidden = away.dataset.first > findLastDay(state.month) || away.dataset.last < `${state.month}-01`; });
  panel.append(isLoading ? createSkeleton() : times.length ? createList(times) : createEmptyNote(openMonth));
  panel.setAttribute("aria-busy", isLoading);
  if (!isLoading) announceTimes(times.length);
}

const countTimes = (count) => `${count || "no"} free time${count === 1 ? "" : "s"}`;

// A day as a screen reader says it: "Thursday, 26 November 2026, 3 free times".
export function describeDay(day) {
  return `${formatDay(day)}, ${countTimes(state.months.get(day.slice(0, 7))?.get?.(day)?.length ?? 0)}`;
}

// Says how many times are shown, and in which zone, whenever they change; not when the page opens.
function announceTimes(count) {
  const place = state.day ? `on ${formatDay(state.day)}` : `in ${formatMonth(state.month)}`;
  const sentence = `${countTimes(count)} ${place}, ${formatZone(state.months.get(state.month)?.get(state.day)?.[0] ?? pageData.now)}`;
  if (root.dataset.ready !== undefined) findPart("announce").textContent = sentence[0].toUpperCase() + sentence.slice(1);
}

function createList(times) {
  const list = createElement("ul", { className: "times-list" });
  list.dataset.timesList = "";
  const labels = times.map((time) => formatTime(time));
  list.append(...times.map((time, index) => {
    const link = createElement("a", { className: "time", href: buildUrl(time), textContent: labels[index] });
    link.dataset.start = time;
    const isAmbiguous = labels.indexOf(labels[index]) !== labels.lastIndexOf(labels[index]); // the clocks go back
    if (isAmbiguous) link.append(createElement("small", { textContent: ` ${formatOffset(time)}` }));
    const item = createElement("li");
    item.append(link);
    return item;
  }));
  return list;
}

function createSkeleton() {
  const list = createElement("ul", { className: "times-list times-waiting" });
  list.dataset.timesList = "";
  list.setAttribute("aria-hidden", "true");
  for (let count = 0; count < 6; count += 1) list.append(createElement("li"));
  return list;
}

function createEmptyNote(openMonth) {
  const { month } = state;
  const note = createElement("p", { className: "times-none", textContent: `No free times in ${formatMonth(month)}. ` });
  note.dataset.timesNone = "";
  import("./slots.js").then(({ appendNextTime }) => appendNextTime(note, month, openMonth)).catch(() => {});
  return note;
}

// Renders what depends on zone and clock besides the list: the zone, the chosen time, the time that is to be moved.
export function renderTexts() {
  const time = state.start ?? state.months.get(state.month)?.get?.(state.day)?.[0] ?? pageData.now;
  findParts("zone-name").forEach((name) => { name.textContent = formatZone(time); });
  if (state.start) renderSpan("when", state.start);
  if (pageData.current) renderSpan("was", pageData.current);
  findPart("clock").querySelectorAll("button").forEach((button) => button.setAttribute("aria-pressed", (button.value === "12") === state.isTwelveHour));
}

export function renderSpan(name, start) {
  findPart(`${name}-span`).textContent = formatSpan(start);
  findPart(`${name}-day`).textContent = formatDay(toDay(start));
}
