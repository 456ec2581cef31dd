// The booking page: the calendar of a month, and the way from its times to the form. Without it links and forms do the same.
// To load little, the page imports slots.js, form.js and zone.js only when the guest acts.
import {
  addMonth, buildUrl, createElement, describeDay, findFirstMonth, findLastDay, findLastMonth, findPart, form, formatMonth, groupByDay,
  language, listStarts, pageData, renderSpan, renderTexts, renderTimes, root, state, toDay, toIso,
} from "./times.js";

const importForm = () => import("./form.js").catch(() => null);

// ── the month ──────────────────────────────────────────────────────────────────────────────────────────────────────

const calendar = createElement("calendar-date");

function mountCalendar() {
  calendar.append(createTurnIcon("previous", "Previous month"), createTurnIcon("next", "Next month"));
  const heading = Object.assign(findPart("month-name"), { slot: "heading" });
  Object.assign(calendar, { locale: language, formatWeekday: "short", firstDayOfWeek: pageData.sunday ? 0 : 1 });
  calendar.append(heading, createElement("calendar-month"));
  calendar.addEventListener("focusday", (event) => {
    const month = event.detail.toISOString().slice(0, 7);
    if (month !== state.month) openMonth(month);
  });
  calendar.addEventListener("change", () => selectDay(calendar.value));
  for (const name of ["pointerenter", "touchstart", "focusin"]) calendar.addEventListener(name, handleTouch, { passive: true });
  findPart("month").replaceChildren(calendar);
  const month = calendar.querySelector("calendar-month");
  month.updated?.then(() => watchDays(month.shadowRoot));
}

function watchDays(days) {
  new MutationObserver(() => labelDays(days)).observe(days, { subtree: true, childList: true, attributeFilter: ["aria-label"] });
  labelDays(days);
}

// The calendar's buttons say only a date, and stand in the order of the month.
function labelDays(days) {
  days.querySelectorAll("tbody button").forEach((button, index) => {
    const label = describeDay(`${state.month}-${String(index + 1).padStart(2, "0")}`);
    if (button.getAttribute("aria-label") !== label) button.setAttribute("aria-label", label);
  });
}

const createTurnIcon = (slot, text) => createElement("span", { slot, className: `turn-icon turn-${slot}`, textContent: text });

function handleTouch() {
  if (calendar.dataset.touched === undefined) prefetchNextMonth();
  calendar.dataset.touched = "";
}

function renderCalendar() {
  const days = state.months.get(state.month);
  const freeDays = days instanceof Map ? days : new Map();
  calendar.min = `${findFirstMonth()}-01`;
  calendar.max = findLastDay(findLastMonth());
  calendar.today = toDay(pageData.now);
  calendar.isDateDisallowed = (date) => !freeDays.has(date.toISOString().slice(0, 10));
  calendar.getDayParts = (date) => (freeDays.has(date.toISOString().slice(0, 10)) ? "free" : "");
  calendar.value = state.day ?? "";
  calendar.toggleAttribute("data-loading", !(days instanceof Map));
  calendar.querySelector("[slot=heading]").textContent = formatMonth(state.month);
}

// Shows a month, with its first free day from the given one on.
export async function openMonth(month, day = null) {
  state.month = month;
  state.day = null;
  calendar.focusedDate = day ?? (calendar.focusedDate?.startsWith(month) ? calendar.focusedDate : `${month}-01`);
  let days = state.months.get(month);
  if (!(days instanceof Map)) {
    renderPage();
    try {
      days = await loadMonth(month);
    } catch (error) {
      const reason = error.cause === "quota" ? error.message : "We could not load the times. Please check your connection.";
      if (state.month === month) showMessage(reason, () => openMonth(month, day));
      return;
    }
    if (state.month !== month) return;
  }
  showMessage("");
  state.day = [...days.keys()].find((freeDay) => !day || freeDay >= day) ?? days.keys().next().value ?? null;
  renderPage();
  if (calendar.dataset.touched !== undefined) prefetchNextMonth();
}

const loadMonth = async (month) => (await import("./slots.js")).loadMonth(month);

// Loads the month that the guest is likely to turn to.
function prefetchNextMonth() {
  const month = addMonth(state.month);
  if (month <= findLastMonth()) loadMonth(month).catch(() => {});
}

function selectDay(day) {
  state.day = day;
  renderTimes(openMonth);
  if (matchMedia("(width < 48rem)").matches) findPart("times").scrollIntoView({ block: "start" });
}

// ── zone and clock ─────────────────────────────────────────────────────────────────────────────────────────────────

function renderPage() {
  renderCalendar();
  renderTimes(openMonth);
  renderTexts();
}

findPart("zone").addEventListener("toggle", async () => {
  if (!findPart("zone").open) return;
  const input = document.getElementById("zone-input");
  input.value = ""; // now, so that the guest can type while the module loads
  input.focus();
  const { openZoneList } = await import("./zone.js");
  openZoneList(findPart("zone"), openMonth);
});

findPart("clock").addEventListener("click", (event) => {
  if (!event.target.value) return;
  state.isTwelveHour = event.target.value === "12";
  try { localStorage.setItem("oncelink_clock", event.target.value); } catch { /* only for this page */ }
  renderPage();
});

// ── the form ───────────────────────────────────────────────────────────────────────────────────────────────────────────

findPart("times").addEventListener("click", (event) => {
  const link = event.target.closest("a.time");
  if (!link?.dataset.start || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  selectTime(Number(link.dataset.start));
  history.pushState({ start: state.start }, "", buildUrl(state.start));
  const isTouch = matchMedia("(pointer: coarse)").matches; // a focused field would open the keyboard
  (isTouch || !form.elements.name ? findPart("details-name") : form.elements.name).focus({ preventScroll: true });
});

findPart("back").addEventListener("click", (event) => {
  event.preventDefault();
  if (history.state?.start) history.back();
  else showTimes();
});

addEventListener("popstate", (event) => {
  if (event.state?.start) selectTime(event.state.start);
  else showTimes();
});

function selectTime(start) {
  state.start = start;
  findPart("choices").replaceChildren(createElement("input", { type: "hidden", name: "start", value: toIso(start) }));
  findPart("form-say").replaceChildren();
  renderSpan("when", start);
  showStep("details");
  importForm();
}

export function showTimes() {
  state.start = null;
  showStep("times");
  findPart("times-name").focus({ preventScroll: true });
}

function showStep(name) {
  root.dataset.step = name;
  findPart("choose").hidden = name !== "times";
  form.hidden = name !== "details";
  findPart("when").hidden = !state.start;
  scrollTo(0, 0);
}

// Shows a message in the visible step, or removes it if the text is empty.
export function showMessage(text, retry) {
  const region = form.hidden ? findPart("say") : findPart("form-say");
  if (!text) return region.replaceChildren();
  const message = createElement("p", { className: "notice notice-warning say", textContent: text });
  if (retry) {
    const button = createElement("button", { type: "button", className: "text-link", textContent: "Try again" });
    button.addEventListener("click", retry);
    message.append(" ", button);
  }
  return region.replaceChildren(message);
}

form.addEventListener("submit", async (event) => {
  if (form.dataset.sending !== undefined) return event.preventDefault(); // a second click
  setSending(true);
  if (!root.dataset.books) return undefined; // rescheduling twice to the same time changes nothing
  event.preventDefault();
  const details = await importForm();
  return details ? details.submitBooking() : form.submit();
});

addEventListener("pageshow", () => {
  if (state.isBooked) location.reload(); // the Back button brought the guest here: this form is used, a new one books again
  else setSending(false);
});

export function setSending(isSending) {
  form.toggleAttribute("data-sending", isSending);
  findPart("confirm").setAttribute("aria-disabled", isSending);
}

function startPage() {
  form.elements.time_zone.value = state.zone;
  const starts = listStarts(pageData.runs);
  state.months.set(pageData.month, groupByDay(starts, pageData.month));
  mountCalendar();
  findPart("clock").hidden = false;
  const start = form.elements.start?.type === "hidden" ? Date.parse(form.elements.start.value) / 60_000 : NaN;
  if (start) selectTime(start);
  if (start) history.replaceState({ start }, "");
  const meetingDay = pageData.current ? toDay(pageData.current) : null;
  openMonth(pageData.month, start ? toDay(start) : (new URLSearchParams(location.search).get("day") ?? meetingDay));
}

if (customElements.get("calendar-date")) startPage(); // without it the month stays as the server rendered it
root.dataset.ready = "";
