// The list of links: searched as you type, one row current, each with the split button of the pages.
import { get } from "./kept.js";
import { grouped, searched } from "./links.js";

const PAUSE = 250;
const $ = (id) => document.getElementById(id);
let links = { rows: [], more: false };
let found = []; // by the server, for people with more links than are kept
let shown = [];
let current = null;
let pins = [];
let times = {};
let asked = 0;

export function currentLink() {
  return shown.find((row) => row.id === current) ?? null;
}

export function linkOf(element) {
  const row = element.closest("[data-link]");
  return shown.find((one) => one.id === row?.dataset.link) ?? null;
}

export async function show(lists = null) {
  links = lists ?? links;
  [pins, times] = await Promise.all([get("pins", []), get("used", {})]);
  draw();
}

// At once, so that Enter right behind a letter already means what was typed.
function draw() {
  const known = new Set(links.rows.map((row) => row.id));
  const all = [...links.rows, ...found.filter((row) => !known.has(row.id))];
  const groups = grouped(all, $("search").value, pins, times);
  shown = groups.flatMap(([, rows]) => rows);
  $("rows").replaceChildren(...groups.map(([title, rows]) => groupOf(title, rows)));
  choose(currentLink() ?? shown[0]);
  sayNothing(all.length > 0);
}

function groupOf(title, rows) {
  const group = $("group").content.firstElementChild.cloneNode(true);
  group.setAttribute("aria-label", title);
  group.firstElementChild.textContent = title;
  group.append(...rows.map(rowOf));
  return group;
}

function rowOf(link) {
  const row = $("row").content.firstElementChild.cloneNode(true);
  row.id = `link-${link.id}`;
  row.dataset.link = link.id;
  row.querySelector(".name").textContent = link.name;
  row.querySelector(".name").title = link.name;
  const sub = row.querySelector(".sub");
  if (link.status !== "active") {
    const off = Object.assign(document.createElement("span"), { className: "off", textContent: link.status });
    sub.append(off, " · ");
  }
  sub.append(link.mine ? link.meeting : `${link.meeting} · ${link.owner}`);
  row.querySelector(".main").setAttribute("aria-label", `Copy Link ${link.name}`);
  row.querySelector(".more").setAttribute("aria-label", `More ways to copy ${link.name}`);
  return row;
}

function choose(link) {
  current = link?.id ?? null;
  for (const row of $("rows").querySelectorAll("[data-link]")) {
    const chosen = row.dataset.link === current;
    row.setAttribute("aria-selected", String(chosen));
    for (const button of row.querySelectorAll("button")) button.tabIndex = chosen ? 0 : -1; // Tab leads to the current row's
  }
  const row = current && $(`link-${current}`);
  if (row) $("search").setAttribute("aria-activedescendant", row.id);
  else $("search").removeAttribute("aria-activedescendant");
  row?.scrollIntoView({ block: "nearest" });
}

function sayNothing(any) {
  $("nothing").hidden = shown.length > 0;
  const title = Object.assign(document.createElement("h2"), { textContent: any ? "No link is called that" : "No links yet" });
  const advice = any ? "Try the beginning of a word of its name." : "Publish one in Oncelink, or wait for the list to load.";
  $("nothing").replaceChildren(title, Object.assign(document.createElement("p"), { textContent: advice }));
}

// Arrows move the current row while the typing goes on.
export function startList() {
  $("search").addEventListener("input", () => {
    current = null;
    draw();
    askServer();
  });
  $("search").addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && shown.length) {
      const at = shown.findIndex((row) => row.id === current);
      choose(shown.at((at + step) % shown.length));
      event.preventDefault();
    } else if (event.key === "Escape" && $("search").value) {
      $("search").value = "";
      draw();
      event.preventDefault();
    }
  });
}

async function askServer() {
  const number = ++asked;
  const words = $("search").value.trim();
  if (!links.more || !words) return;
  await new Promise((done) => setTimeout(done, PAUSE));
  if (number !== asked) return;
  const rows = await searched(words).catch(() => []);
  if (number !== asked) return;
  found = rows;
  draw();
}
