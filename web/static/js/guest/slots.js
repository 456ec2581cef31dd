// Loads the free times of other months. The page imports this module when it needs the first of them.
import {
  addMonth, createElement, findLastDay, findLastMonth, form, formatDay, formatTime, formatZone, groupByDay, pageData, renderTexts, state,
  toDay,
} from "./times.js";

// Returns Map(day → times). Each month is loaded once for each zone.
export function loadMonth(month) {
  const { months } = state; // another zone has another map
  if (!months.has(month)) {
    const request = fetchMonth(month).catch((error) => fetchInOtherZone(month, error)).then(
      (days) => (months.set(month, days), days),
      (error) => (months.delete(month), Promise.reject(error)),
    );
    months.set(month, request);
  }
  return months.get(month);
}

async function fetchMonth(month) {
  const times = [];
  const last = findLastDay(month);
  for (let first = `${month}-01`; first && first <= last; ) {
    const answer = await fetchSlots(first, last);
    times.push(...answer.slots.map((slot) => Date.parse(slot.start) / 60_000));
    first = answer.next_from; // an answer has whole days, but not always all of them
  }
  return groupByDay(times, month);
}

async function fetchSlots(from, to) {
  const response = await fetch(`${pageData.slots}?${new URLSearchParams({ from, to, time_zone: state.zone })}`);
  if (response.status === 410 || response.status === 404) location.reload(); // the page says why the link is closed
  if (response.status === 429) throw new Error((await response.json()).detail, { cause: "quota" });
  if (response.status === 422) throw new Error(response.status, { cause: "zone" });
  if (!response.ok) throw new Error(response.status);
  return response.json();
}

// The server may not know the browser's zone: shows the times in the page's own, and says so.
async function fetchInOtherZone(month, error) {
  const { zone } = state;
  if (error.cause !== "zone" || zone === pageData.zone) throw error;
  state.zone = pageData.zone;
  form.elements.time_zone.value = state.zone;
  const days = await fetchMonth(month);
  const { showMessage } = await import("./book.js");
  renderTexts();
  setTimeout(() => showMessage(`We do not know your browser's time zone, ${zone}. Times are shown in ${formatZone(pageData.now)}.`));
  return days;
}

// Says under an empty month which time is the next free one.
export async function appendNextTime(note, month, openMonth) {
  const time = await findNextTime(month);
  if (!time) return note.append("There are none later, either.");
  const textContent = `${formatDay(toDay(time))}, ${formatTime(time)}`;
  const button = createElement("button", { type: "button", className: "text-link", textContent });
  button.addEventListener("click", () => openMonth(toDay(time).slice(0, 7), toDay(time)));
  return note.append("The next one is ", button, ".");
}

async function findNextTime(month) {
  for (let current = month; current <= findLastMonth(); current = addMonth(current)) {
    const [times] = (await loadMonth(current)).values();
    if (times) return times[0];
  }
  return null;
}
