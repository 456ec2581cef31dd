// A list of time zones below a field, with a search by city, country, name and abbreviation: a combobox (ARIA practices).
// api/guest/time_zones.py has the data, and integrations/time_zone_names.py the same search for pages without JavaScript.
const MAX_OPTIONS = 60;
const [PREFIX, INSIDE_A_WORD, NO_MATCH] = [10, 20, 100];
const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").replace(/[_/,()&]/g, " ").toLowerCase();

// Returns the zones, each { id, place, name, fields, order }.
export async function loadZones() {
  const response = await fetch("/time-zones");
  const rows = await response.json();
  return rows.map(([id, place, name, fields, order]) => {
    const offset = formatOffset(id).toLowerCase();
    const words = [...fields.map((field) => field.split(" ")), [offset, offset.replace("gmt", "utc")]];
    return { id, place, name, fields: words, order };
  });
}

// The offset of a zone now: "GMT+5:30".
export function formatOffset(timeZone) {
  const text = new Intl.DateTimeFormat("en-US", { timeZone, hour: "numeric", timeZoneName: "shortOffset" }).format();
  return (/GMT.*$/.exec(text)?.[0] ?? "GMT").replace(/[+-]0$/, "");
}

// The zones that have each word, the nearest first: whole words before begins of words, cities before countries.
export function findZones(zones, text, currentId) {
  const words = fold(text).split(/\s+/).filter(Boolean);
  const rows = zones.map((zone) => ({ zone, distances: words.map((word) => measureDistance(zone, word)) }));
  const sum = ({ distances }) => distances.reduce((total, distance) => total + distance, 0);
  const isCurrent = ({ zone }) => zone.id === currentId;
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

// Makes `input` the combobox of a list, which is returned. `findMatches(text)` finds zones, `describe(zone)` says more of one,
// `select(zone)` takes one, `close()` is called for Escape.
export function mountZoneList(input, { findMatches, describe, select, close }) {
  const list = createList();
  const attributes = { role: "combobox", "aria-expanded": "true", "aria-controls": "zone-list", "aria-autocomplete": "list" };
  for (const [name, value] of Object.entries(attributes)) input.setAttribute(name, value);
  let [matches, activeIndex] = [[], 0];

  list.render = () => {
    matches = findMatches(input.value).slice(0, MAX_OPTIONS);
    activeIndex = 0;
    list.replaceChildren(...matches.map((zone, index) => createOption(zone, index, describe(zone))));
    if (!matches.length) list.append(createEmptyOption());
    markActiveOption();
  };
  list.selectActive = () => matches[activeIndex] && select(matches[activeIndex]);

  function markActiveOption() {
    const options = list.querySelectorAll("[data-zone]");
    options.forEach((option, index) => option.setAttribute("aria-selected", index === activeIndex));
    options[activeIndex]?.scrollIntoView({ block: "nearest" });
    if (options[activeIndex]) input.setAttribute("aria-activedescendant", options[activeIndex].id);
    else input.removeAttribute("aria-activedescendant");
  }

  input.addEventListener("input", list.render);
  input.addEventListener("keydown", (event) => {
    if (list.hidden) return;
    const moves = { ArrowDown: Math.min(activeIndex + 1, matches.length - 1), ArrowUp: Math.max(activeIndex - 1, 0) };
    if (event.key in moves) {
      activeIndex = moves[event.key];
      event.preventDefault();
      markActiveOption();
    } else if (event.key === "Escape") close();
  });
  list.addEventListener("click", ({ target }) => {
    const option = target.closest("[data-zone]");
    if (option) select(matches.find(({ id }) => id === option.dataset.zone));
  });
  return list;
}

function createList() {
  const list = document.createElement("ul");
  Object.assign(list, { id: "zone-list", className: "zone-list" });
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Time zones");
  return list;
}

function createOption(zone, index, text) {
  const option = document.createElement("li");
  Object.assign(option, { id: `zone-${index}`, className: "zone-option" });
  option.setAttribute("role", "option");
  option.dataset.zone = zone.id;
  const [place, details] = [document.createElement("span"), document.createElement("small")];
  place.append(zone.place);
  details.append(text);
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
