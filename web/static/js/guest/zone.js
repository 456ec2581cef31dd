// The time zone: a list with a search. The page imports this module when the guest opens the choice.
import { form, formatOffset, formatTime, state } from "./times.js";

const MAX_OPTIONS = 60;
const toWords = (text) => text.toLowerCase().replaceAll("_", " ").replaceAll("/", " ");

// Mounts the list on the first call.
export function openZoneList(details, openMonth) {
  const input = details.querySelector("#zone-input");
  if (!details.querySelector("[role=listbox]")) mountZoneList(details, input, (zone) => setZone(zone, details, openMonth));
  input.dataset.current = state.zone;
  input.placeholder = "Search a city or zone";
  input.dispatchEvent(new Event("input"));
}

async function setZone(zone, details, openMonth) {
  state.zone = zone;
  form.elements.time_zone.value = zone;
  state.months = new Map();
  const { day } = state;
  details.open = false;
  await openMonth(state.month, day);
}

function mountZoneList(details, input, onSelect) {
  const zones = Array.from(details.querySelectorAll("#zones option"), (option) => option.value);
  const list = createList();
  details.querySelector("form").append(list);
  details.querySelector("[data-zone-button]").hidden = true;
  input.removeAttribute("list");
  const attributes = { role: "combobox", "aria-expanded": "true", "aria-controls": "zone-list", "aria-autocomplete": "list" };
  for (const [name, value] of Object.entries(attributes)) input.setAttribute(name, value);
  let activeIndex = 0;
  let searchTexts = null; // zone → its words, made on the first search

  function renderOptions() {
    searchTexts ??= new Map(zones.map((zone) => [zone, toWords(`${zone} ${describeZone(zone)}`)]));
    const words = toWords(input.value).split(/\s+/).filter(Boolean);
    const matches = zones.filter((zone) => words.every((word) => searchTexts.get(zone).includes(word)));
    const current = input.dataset.current;
    if (!words.length) matches.sort((one, other) => (other === current) - (one === current));
    activeIndex = Math.min(activeIndex, Math.max(matches.length - 1, 0));
    list.replaceChildren(...matches.slice(0, MAX_OPTIONS).map(createOption), ...(matches.length ? [] : [createEmptyOption()]));
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
  option.dataset.zone = zone;
  const now = Date.now() / 60_000;
  const clock = document.createElement("small");
  clock.append(`${formatTime(now, zone)} · ${formatOffset(now, zone)}`);
  option.append(zone.replaceAll("_", " "), clock);
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

// "Central European Standard Time GMT+1"
function describeZone(zone) {
  const formatName = (style) => new Intl.DateTimeFormat("en", { timeZone: zone, timeZoneName: style }).formatToParts().find((part) => part.type === "timeZoneName").value;
  return `${formatName("long")} ${formatName("shortOffset")}`;
}
