// The time zone: a list with a search by city, country, name and abbreviation. The page imports this module when the guest opens
// the choice. api/guest/time_zones.py has the data, and integrations/time_zone_names.py the same search without JavaScript.
import { form, formatOffset, formatTime, nameZone, state } from "./times.js";

const MAX_OPTIONS = 60;
const [PREFIX, INSIDE_A_WORD, NO_MATCH] = [10, 20, 100];
const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").replace(/[_/,()&]/g, " ").toLowerCase();
const getNow = () => Date.now() / 60_000;
let zones = null; // { id, place, name, fields, order }, once they are loaded

// Mounts the list on the first call.
export async function openZoneList(details, openMonth) {
  const input = details.querySelector("#zone-input");
  zones ??= await loadZones().catch(() => null);
  if (!zones) return; // the form asks the server, which searches too
  if (!details.querySelector("[role=listbox]")) mountZoneList(details, input, (zone) => setZone(zone, details, openMonth));
  input.dispatchEvent(new Event("input"));
}

async function loadZones() {
  const response = await fetch("/time-zones");
  const rows = await response.json();
  return rows.map(([id, place, name, fields, order]) => {
    const offset = formatOffset(getNow(), id).toLowerCase();
    const words = [...fields.map((field) => field.split(" ")), [offset, offset.replace("gmt", "utc")]];
    return { id, place, name, fields: words, order };
  });
}

async function setZone(zone, details, openMonth) {
  state.zone = zone;
  form.elements.time_zone.value = zone;
  state.months = new Map();
  const { day } = state;
  details.open = false;
  await openMonth(state.month, day);
}

// The zones that have each word, the nearest first: whole words before begins of words, cities before countries.
function findZones(text) {
  const words = fold(text).split(/\s+/).filter(Boolean);
  const rows = zones.map((zone) => ({ zone, distances: words.map((word) => measureDistance(zone, word)) }));
  const sum = ({ distances }) => distances.reduce((total, distance) => total + distance, 0);
  const isCurrent = ({ zone }) => zone.id === state.zone;
  for (const limit of [INSIDE_A_WORD, NO_MATCH]) {
    const matches = rows.filter(({ distances }) => distances.every((distance) => distance < limit));
    const compare = (one, other) => sum(one) - sum(other) || isCurrent(other) - isCurrent(one) || one.zone.order - other.zone.order;
    if (matches.length) return matches.sort(compare).map(({ zone }) => zone);
  }
  return [];
}

function measureDistance({ fields }, word) {
  const tests = [(candidate) => candidate === word, (candidate) => candidate.startsWith(word), (candidate) => candidate.includes(word)];
  for (const [step, test] of tests.entries()) {
    const field = fields.findIndex((candidates) => candidates.some(test));
    if (field >= 0) return step * PREFIX + field;
  }
  return NO_MATCH;
}

function mountZoneList(details, input, onSelect) {
  const list = createList();
  details.querySelector("[data-zone-matches]")?.remove();
  details.querySelector("form").append(list);
  details.querySelector("[data-zone-button]").hidden = true;
  const attributes = { role: "combobox", "aria-expanded": "true", "aria-controls": "zone-list", "aria-autocomplete": "list" };
  for (const [name, value] of Object.entries(attributes)) input.setAttribute(name, value);
  let activeIndex = 0;

  function renderOptions() {
    const matches = findZones(input.value).slice(0, MAX_OPTIONS);
    activeIndex = Math.min(activeIndex, Math.max(matches.length - 1, 0));
    list.replaceChildren(...matches.map(createOption), ...(matches.length ? [] : [createEmptyOption()]));
    markActiveOption();
  }

  function markActiveOption() {
    const options = list.querySelectorAll("[data-zone]");
    options.forEach((option, index) => option.setAttribute("aria-selected", index === activeIndex));
    options[activeIndex]?.scrollIntoView({ block: "nearest" });
    if (options[activeIndex]) input.setAttribute("aria-activedescendant", options[activeIndex].id);
    else input.removeAttribute("aria-activedescendant");
  }

  function selectZone(zone) {
    if (!zone) return;
    onSelect(zone);
    details.querySelector("summary").focus();
  }

  input.addEventListener("input", () => { activeIndex = 0; renderOptions(); });
  input.addEventListener("keydown", (event) => {
    const last = list.querySelectorAll("[data-zone]").length - 1;
    const moves = { ArrowDown: Math.min(activeIndex + 1, last), ArrowUp: Math.max(activeIndex - 1, 0) };
    if (event.key in moves) {
      activeIndex = moves[event.key];
      event.preventDefault();
      markActiveOption();
    } else if (event.key === "Escape") {
      details.open = false;
      details.querySelector("summary").focus();
    }
  });
  list.addEventListener("click", (event) => selectZone(event.target.closest("[data-zone]")?.dataset.zone));
  details.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    selectZone(list.querySelector("[aria-selected=true]")?.dataset.zone);
  });
  document.addEventListener("click", (event) => { if (!details.contains(event.target)) details.open = false; });
}

function createList() {
  const list = document.createElement("ul");
  Object.assign(list, { id: "zone-list", className: "zone-list" });
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Time zones");
  return list;
}

function createOption(zone, index) {
  const option = document.createElement("li");
  Object.assign(option, { id: `zone-${index}`, className: "zone-option" });
  option.setAttribute("role", "option");
  option.dataset.zone = zone.id;
  const [now, place, details] = [getNow(), document.createElement("span"), document.createElement("small")];
  place.append(zone.place);
  details.append(`${nameZone(now, zone.id) || zone.name} · ${formatTime(now, zone.id)} · ${formatOffset(now, zone.id)}`);
  option.append(place, details);
  return option;
}

function createEmptyOption() {
  const option = document.createElement("li");
  option.className = "zone-option";
  option.setAttribute("role", "option");
  option.setAttribute("aria-disabled", "true");
  option.append("No time zone of this name");
  return option;
}
