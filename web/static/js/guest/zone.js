// The guest's time zone: the list of zone_list.js in the page's choice of zones, which imports this module when it is opened.
import { findZones, loadZones, mountZoneList } from "../zone_list.js";
import { form, formatOffset, formatTime, nameZone, state } from "./times.js";

const getNow = () => Date.now() / 60_000;
let zones = null; // once they are loaded

// Mounts the list on the first call.
export async function openZoneList(details, openMonth) {
  const input = details.querySelector("#zone-input");
  zones ??= await loadZones().catch(() => null);
  if (!zones) return; // the form asks the server, which searches too
  if (!details.querySelector("[role=listbox]")) mountList(details, input, openMonth);
  input.dispatchEvent(new Event("input"));
}

function mountList(details, input, openMonth) {
  const close = () => {
    details.open = false;
    details.querySelector("summary").focus();
  };
  const select = (zone) => {
    setZone(zone.id, details, openMonth);
    details.querySelector("summary").focus();
  };
  const findMatches = (text) => findZones(zones, text, state.zone);
  const list = mountZoneList(input, { findMatches, describe: describeZone, select, close });
  details.querySelector("[data-zone-matches]")?.remove();
  details.querySelector("form").append(list);
  details.querySelector("[data-zone-button]").hidden = true;
  details.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    list.selectActive();
  });
  document.addEventListener("click", (event) => { if (!details.contains(event.target)) details.open = false; });
}

function describeZone({ id, name }) {
  const now = getNow();
  return `${nameZone(now, id) || name} · ${formatTime(now, id)} · ${formatOffset(now, id)}`;
}

async function setZone(zone, details, openMonth) {
  state.zone = zone;
  form.elements.time_zone.value = zone;
  state.months = new Map();
  const { day } = state;
  details.open = false;
  await openMonth(state.month, day);
}
