// The list of links in the popup: the search filters it, arrow keys move the current row, each row has a split button.
import { groupLinks, searchLinks } from "./links.js";
import { readItem } from "./storage.js";

const SEARCH_DELAY_MILLISECONDS = 250;
const $ = (id) => document.getElementById(id);
let links = { rows: [], more: false };
let serverRows = []; // results of the server, for people with more links than the extension stores
let visibleRows = [];
let currentId = null;
let pins = [];
let uses = {};
let searchNumber = 0;

export function findCurrentLink() {
  return visibleRows.find((row) => row.id === currentId) ?? null;
}

export function findLinkOf(element) {
  const row = element.closest("[data-link]");
  return visibleRows.find((link) => link.id === row?.dataset.link) ?? null;
}

export async function showLinks(newLinks = null) {
  links = newLinks ?? links;
  [pins, uses] = await Promise.all([readItem("pins", []), readItem("used", {})]);
  renderList();
}

// Synchronous, so that Enter right after a letter acts on the filtered list.
function renderList() {
  const storedIds = new Set(links.rows.map((row) => row.id));
  const rows = [...links.rows, ...serverRows.filter((row) => !storedIds.has(row.id))];
  const groups = groupLinks(rows, $("search").value, pins, uses);
  visibleRows = groups.flatMap(([, members]) => members);
  $("rows").replaceChildren(...groups.map(([title, members]) => createGroup(title, members)));
  selectLink(findCurrentLink() ?? visibleRows[0]);
  renderEmptyNote(rows.length > 0);
}

function createGroup(title, links) {
  const group = $("group").content.firstElementChild.cloneNode(true);
  group.setAttribute("aria-label", title);
  group.firstElementChild.textContent = title;
  group.append(...links.map(createRow));
  return group;
}

function createRow(link) {
  const row = $("row").content.firstElementChild.cloneNode(true);
  row.id = `link-${link.id}`;
  row.dataset.link = link.id;
  row.querySelector(".name").textContent = link.name;
  row.querySelector(".name").title = link.name;
  const subtitle = row.querySelector(".sub");
  if (link.status !== "active") {
    const status = Object.assign(document.createElement("span"), { className: "off", textContent: link.status });
    subtitle.append(status, " · ");
  }
  subtitle.append(link.mine ? link.meeting : `${link.meeting} · ${link.owner}`);
  row.querySelector(".main").setAttribute("aria-label", `Copy Link ${link.name}`);
  row.querySelector(".more").setAttribute("aria-label", `More ways to copy ${link.name}`);
  return row;
}

function selectLink(link) {
  currentId = link?.id ?? null;
  for (const row of $("rows").querySelectorAll("[data-link]")) {
    const isCurrent = row.dataset.link === currentId;
    row.setAttribute("aria-selected", String(isCurrent));
    for (const button of row.querySelectorAll("button")) button.tabIndex = isCurrent ? 0 : -1; // Tab goes to the current row only
  }
  const row = currentId && $(`link-${currentId}`);
  if (row) $("search").setAttribute("aria-activedescendant", row.id);
  else $("search").removeAttribute("aria-activedescendant");
  row?.scrollIntoView({ block: "nearest" });
}

function renderEmptyNote(hasLinks) {
  $("nothing").hidden = visibleRows.length > 0;
  const title = hasLinks ? "No link is called that" : "No links yet";
  const advice = hasLinks ? "Try the beginning of a word of its name." : "Publish one in Oncelink, or wait for the list to load.";
  const heading = Object.assign(document.createElement("h2"), { textContent: title });
  $("nothing").replaceChildren(heading, Object.assign(document.createElement("p"), { textContent: advice }));
}

export function startLinkList() {
  $("search").addEventListener("input", () => {
    currentId = null;
    renderList();
    searchServer();
  });
  $("search").addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && visibleRows.length) {
      const index = visibleRows.findIndex((row) => row.id === currentId);
      selectLink(visibleRows.at((index + step) % visibleRows.length));
      event.preventDefault();
    } else if (event.key === "Escape" && $("search").value) {
      $("search").value = "";
      renderList();
      event.preventDefault();
    }
  });
}

// Waits until the typing pauses; only the last search counts.
async function searchServer() {
  const number = ++searchNumber;
  const text = $("search").value.trim();
  if (!links.more || !text) return;
  await new Promise((resolve) => setTimeout(resolve, SEARCH_DELAY_MILLISECONDS));
  if (number !== searchNumber) return;
  const rows = await searchLinks(text).catch(() => []);
  if (number !== searchNumber) return;
  serverRows = rows;
  renderList();
}
