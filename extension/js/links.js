// The links to copy and the single-use links made of them: loaded, kept, ordered, searched.
import { change, get, set } from "./kept.js";
import { ask } from "./server.js";

const PAGE = 200;
const MOST_PAGES = 5;
const MADE = 10;
const RECENT = 5;

// Loads both lists; what was kept stays when that fails.
export async function refresh() {
  const [mine, library] = await Promise.all([listed("mine"), listed("library")]);
  const rows = new Map();
  for (const row of library.rows) rows.set(row.id, slim(row, false));
  for (const row of mine.rows) rows.set(row.id, slim(row, true));
  const links = { rows: [...rows.values()], more: mine.more || library.more, at: Date.now() };
  await set("links", links);
  return links;
}

async function listed(view, q) {
  const rows = [];
  let cursor = null;
  for (let page = 0; page < (q ? 1 : MOST_PAGES); page++) {
    const query = new URLSearchParams({ view, limit: PAGE, ...(q && { q }), ...(cursor && { cursor }) });
    const { body } = await ask(`/v1/links?${query}`);
    rows.push(...body.items);
    cursor = body.next_cursor;
    if (!cursor) break;
  }
  return { rows, more: Boolean(cursor) };
}

// What the server finds: only for people with more links than are kept here.
export async function searched(q) {
  const [mine, library] = await Promise.all([listed("mine", q), listed("library", q)]);
  return [...mine.rows.map((row) => slim(row, true)), ...library.rows.map((row) => slim(row, false))];
}

function slim(row, mine) {
  const { id, name, slug, url, status, kind } = row;
  return { id, name, slug, url, status, kind, mine, owner: row.owner.name, meeting: row.meeting_type.name };
}

export async function refreshMade() {
  const { person } = await get("connection");
  const query = new URLSearchParams({ issued_by: person.id, limit: MADE, sort: "-issued_at" });
  const { body } = await ask(`/v1/single-use?${query}`);
  await set("made", body.items);
  return body.items;
}

export function pin(id) {
  return change("pins", [], (pins) => (pins.includes(id) ? pins.filter((one) => one !== id) : [...pins, id]));
}

export function used(id) {
  return change("used", {}, (times) => {
    const newest = Object.entries({ ...times, [id]: Date.now() }).sort((one, other) => other[1] - one[1]);
    return Object.fromEntries(newest.slice(0, 50));
  });
}

// Groups in the order in which they are shown: pinned, recent, one's own, the library's; each row once.
export function grouped(rows, words, pins, times) {
  const wanted = folded(words).split(/\s+/).filter(Boolean);
  const found = rows.filter((row) => matches(row, wanted));
  const recent = found.filter((row) => times[row.id] && !pins.includes(row.id));
  recent.sort((one, other) => times[other.id] - times[one.id]);
  const near = new Set(recent.slice(0, RECENT));
  const rest = found.filter((row) => !pins.includes(row.id) && !near.has(row)).sort(byName);
  const groups = [
    ["Pinned", found.filter((row) => pins.includes(row.id)).sort(byName)],
    ["Recent", [...near]],
    ["Yours", rest.filter((row) => row.mine)],
    ["Library", rest.filter((row) => !row.mine)],
  ];
  return groups.filter(([, members]) => members.length);
}

// Each word begins a word of the name, slug, meeting type or, of others' links, owner, whatever its case and accents.
function matches(row, wanted) {
  const words = folded(`${row.name} ${row.slug} ${row.meeting} ${row.mine ? "" : row.owner}`).split(/[^\p{L}\p{N}]+/u);
  return wanted.every((prefix) => words.some((word) => word.startsWith(prefix)));
}

function folded(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

// Links that can be booked first.
function byName(one, other) {
  return Number(other.status === "active") - Number(one.status === "active") || one.name.localeCompare(other.name);
}

export async function ordered() {
  const [links, pins, times] = await Promise.all([get("links", { rows: [] }), get("pins", []), get("used", {})]);
  return grouped(links.rows, "", pins, times).flatMap(([, rows]) => rows);
}
