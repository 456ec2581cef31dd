// Fields for a time zone on pages of signed-in people: they show places, and search as the guest's choice does. What is sent is the
// zone's id in a hidden field, or what was typed if no zone was chosen. The welcome page also proposes the browser's zone.
import { findZones, formatOffset, loadZones, mountZoneList } from "./zone_list.js";

export function startZoneFields() {
  const input = document.querySelector("[data-zone-field]"); // a page has one
  if (!input) return;
  const hidden = document.querySelector("[data-zone-value]") ?? createHidden(input); // it is there in a form that was put back
  input.closest("form").querySelector(".zone-field .zone-list")?.remove();
  if (hidden.value && findPlace(hidden.value)) input.value = findPlace(hidden.value);
  input.addEventListener("focus", () => openList(input, hidden), { once: true });
  proposeZone(input, hidden);
}

function createHidden(input) {
  const hidden = document.createElement("input");
  Object.assign(hidden, { type: "hidden", name: input.name, value: input.value });
  hidden.dataset.zoneValue = "";
  input.removeAttribute("name");
  input.removeAttribute("list");
  input.after(hidden);
  input.addEventListener("input", () => (hidden.value = input.value.trim()));
  return hidden;
}

// The place of a zone: its option's text.
function findPlace(id) {
  return document.querySelector(`#zones option[value="${CSS.escape(id)}"]`)?.textContent;
}

function setZone(input, hidden, id, place = findPlace(id)) {
  input.value = place;
  hidden.value = id;
  hidden.dispatchEvent(new Event("change", { bubbles: true }));
}

async function openList(input, hidden) {
  const zones = await loadZones().catch(() => null);
  if (!zones) return; // what is typed goes to the server
  const findCurrent = () => zones.find(({ place }) => place === findPlace(hidden.value))?.id; // a former id is in no list
  const toggle = (isOpen) => {
    list.hidden = !isOpen;
    input.setAttribute("aria-expanded", isOpen);
  };
  const list = mountZoneList(input, {
    findMatches: (text) => findZones(zones, text === findPlace(hidden.value) ? "" : text, findCurrent()),
    describe: ({ id, name }) => `${name} · ${formatTime(id)} · ${formatOffset(id)}`,
    select: ({ id, place }) => {
      setZone(input, hidden, id, place);
      toggle(false);
    },
    close: () => toggle(false),
  });
  const show = () => {
    toggle(true);
    list.render();
    if (input.value === findPlace(hidden.value)) input.select(); // not what is being typed
  };
  input.parentElement.append(list);
  input.addEventListener("focus", show);
  input.addEventListener("click", () => list.hidden && show());
  input.addEventListener("input", () => toggle(true));
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || list.hidden) return;
    event.preventDefault(); // the first Enter chooses, the next one sends the form
    list.selectActive();
  });
  list.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
  input.addEventListener("blur", () => {
    const matches = list.hidden ? [] : findZones(zones, input.value, findCurrent());
    if (matches.length === 1) setZone(input, hidden, matches[0].id, matches[0].place);
    toggle(false);
  });
  if (document.activeElement === input) show();
  else toggle(false);
}

function formatTime(timeZone) {
  return new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone }).format();
}

// ── the welcome page ─────────────────────────────────────────────────────────────────────────────────────────────

function proposeZone(input, hidden) {
  const form = document.querySelector("[data-zone-proposal]");
  if (!form) return;
  const browserZone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (form.dataset.zoneProposal === "on" && findPlace(browserZone) && hidden.value !== browserZone) {
    form.querySelector("[data-browser-zone]").textContent = findPlace(browserZone);
    form.querySelector("[data-zone-differs]").hidden = false;
    setZone(input, hidden, browserZone);
  }
  const showTime = () => (form.querySelector("[data-zone-now]").textContent = describeTime(hidden.value));
  form.addEventListener("input", showTime);
  form.addEventListener("change", showTime);
  showTime();
}

function describeTime(timeZone) {
  try {
    const format = new Intl.DateTimeFormat("en-GB", { weekday: "long", hour: "2-digit", minute: "2-digit", timeZone });
    return `There it is ${format.format(new Date())}.`;
  } catch {
    return ""; // not a zone yet: it is being typed
  }
}
