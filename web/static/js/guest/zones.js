// Choosing a time zone with a search: loaded when the guest opens the choice.

const MOST = 60;
const plain = (text) => text.toLowerCase().replaceAll("_", " ").replaceAll("/", " ");

function longName(zone) {
  const said = (style) => new Intl.DateTimeFormat("en", { timeZone: zone, timeZoneName: style }).formatToParts().find((piece) => piece.type === "timeZoneName").value;
  return `${said("long")} ${said("shortOffset")}`;
}

export function chooseZone(details, current, note, chosen) {
  const input = details.querySelector("#zone-input");
  const names = Array.from(details.querySelectorAll("#zones option"), (option) => option.value);
  if (details.querySelector("[role=listbox]")) return opened();
  const list = document.createElement("ul");
  Object.assign(list, { id: "zone-list", className: "zone-list" });
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Time zones");
  details.querySelector("form").append(list);
  details.querySelector("[data-zone-button]").hidden = true;
  input.removeAttribute("list");
  for (const [name, value] of [["role", "combobox"], ["aria-expanded", "true"], ["aria-controls", "zone-list"], ["aria-autocomplete", "list"]]) input.setAttribute(name, value);
  let active = 0;
  let words = null;

  function draw() {
    words ??= new Map(names.map((name) => [name, plain(`${name} ${longName(name)}`)]));
    const wanted = plain(input.value).split(/\s+/).filter(Boolean);
    const found = names.filter((name) => wanted.every((word) => words.get(name).includes(word)));
    const own = input.dataset.current;
    if (!wanted.length) found.sort((one, other) => (other === own) - (one === own));
    active = Math.min(active, Math.max(found.length - 1, 0));
    list.replaceChildren(...found.slice(0, MOST).map(option), ...(found.length ? [] : [nothing()]));
    mark();
  }

  function option(name, index) {
    const item = document.createElement("li");
    Object.assign(item, { id: `zone-${index}`, className: "zone-option" });
    item.setAttribute("role", "option");
    item.dataset.zone = name;
    const small = document.createElement("small");
    small.append(note(name));
    item.append(name.replaceAll("_", " "), small);
    return item;
  }

  function nothing() {
    const item = document.createElement("li");
    item.className = "zone-option";
    item.setAttribute("role", "option");
    item.setAttribute("aria-disabled", "true");
    item.append("No time zone of this name");
    return item;
  }

  function mark() {
    const options = list.querySelectorAll("[data-zone]");
    options.forEach((item, index) => item.setAttribute("aria-selected", index === active));
    options[active]?.scrollIntoView({ block: "nearest" });
    if (options[active]) input.setAttribute("aria-activedescendant", options[active].id);
    else input.removeAttribute("aria-activedescendant");
  }

  function take(name) {
    if (!name) return;
    chosen(name);
    details.querySelector("summary").focus();
  }

  function opened() {
    input.dataset.current = current;
    input.placeholder = "Search a city or zone";
    input.dispatchEvent(new Event("input"));
  }

  input.addEventListener("input", () => { active = 0; draw(); });
  input.addEventListener("keydown", (event) => {
    const last = list.querySelectorAll("[data-zone]").length - 1;
    const moves = { ArrowDown: Math.min(active + 1, last), ArrowUp: Math.max(active - 1, 0) };
    if (event.key in moves) {
      active = moves[event.key];
      event.preventDefault();
      mark();
    } else if (event.key === "Escape") {
      details.open = false;
      details.querySelector("summary").focus();
    }
  });
  list.addEventListener("click", (event) => take(event.target.closest("[data-zone]")?.dataset.zone));
  details.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    take(list.querySelector("[aria-selected=true]")?.dataset.zone);
  });
  document.addEventListener("click", (event) => { if (!details.contains(event.target)) details.open = false; });
  return opened();
}
