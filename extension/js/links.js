// The links that the person can copy: loads, stores, groups and searches them.
import { callApi } from "./api_client.js";
import { readItem, updateItem, writeItem } from "./storage.js";

const PAGE_SIZE = 200;
const MAX_PAGES = 5;
const RECENT_COUNT = 5;
const MAX_USES = 50;

// Loads the person's links and the library. If that fails, the stored lists stay.
export async function refreshLinks() {
  const [mine, library] = await Promise.all([fetchLinks("mine"), fetchLinks("library")]);
  const rows = new Map();
  for (const link of library.rows) rows.set(link.id, toRow(link, false));
  for (const link of mine.rows) rows.set(link.id, toRow(link, true));
  const links = { rows: [...rows.values()], more: mine.more || library.more, at: Date.now() };
  await writeItem("links", links);
  return links;
}

async function fetchLinks(view, q) {
  const rows = [];
  let cursor = null;
  for (let page = 0; page < (q ? 1 : MAX_PAGES); page++) {
    const query = new URLSearchParams({ view, limit: PAGE_SIZE, ...(q && { q }), ...(cursor && { cursor }) });
    const { body } = await callApi(`/v1/links?${query}`);
    rows.push(...body.items);
    cursor = body.next_cursor;
    if (!cursor) break;
  }
  return { rows, more: Boolean(cursor) };
}

// Searches on the server: only for people with more links than the extension stores.
export async function searchLinks(q) {
  const [mine, library] = await Promise.all([fetchLinks("mine", q), fetchLinks("library", q)]);
  return [...mine.rows.map((link) => toRow(link, true)), ...library.rows.map((link) => toRow(link, false))];
}

function toRow(link, mine) {
  const { id, name, slug, url, status, kind } = link;
  return { id, name, slug, url, status, kind, mine, owner: link.owner.name, meeting: link.meeting_type.name };
}

export function togglePin(id) {
  return updateItem("pins", [], (pins) => (pins.includes(id) ? pins.filter((pin) => pin !== id) : [...pins, id]));
}

export function recordUse(id) {
  return updateItem("used", {}, (uses) => {
    const newestFirst = Object.entries({ ...uses, [id]: Date.now() }).sort((one, other) => other[1] - one[1]);
    return Object.fromEntries(newestFirst.slice(0, MAX_USES));
  });
}

// Returns [title, rows] of each group in its order on the screen: pinned, recent, the person's, the library's. Each row is in one.
export function groupLinks(rows, search, pins, uses) {
  const prefixes = normalizeText(search).split(/\s+/).filter(Boolean);
  const matches = rows.filter((row) => matchesSearch(row, prefixes));
  const unpinned = matches.filter((row) => !pins.includes(row.id));
  const newestFirst = unpinned.filter((row) => uses[row.id]).sort((one, other) => uses[other.id] - uses[one.id]);
  const recent = new Set(newestFirst.slice(0, RECENT_COUNT));
  const others = unpinned.filter((row) => !recent.has(row)).sort(compareRows);
  const groups = [
    ["Pinned", matches.filter((row) => pins.includes(row.id)).sort(compareRows)],
    ["Recent", [...recent]],
    ["Yours", others.filter((row) => row.mine)],
    ["Library", others.filter((row) => !row.mine)],
  ];
  return groups.filter(([, members]) => members.length);
}

// Each prefix must begin a word of the name, slug, meeting type or, for links of others, owner.
function matchesSearch(row, prefixes) {
  const words = normalizeText(`${row.name} ${row.slug} ${row.meeting} ${row.mine ? "" : row.owner}`).split(/[^\p{L}\p{N}]+/u);
  return prefixes.every((prefix) => words.some((word) => word.startsWith(prefix)));
}

// Removes case and accents.
function normalizeText(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

// Active links first, then by name.
function compareRows(one, other) {
  return Number(other.status === "active") - Number(one.status === "active") || one.name.localeCompare(other.name);
}

// The links in their order on the screen.
export async function listLinks() {
  const [links, pins, uses] = await Promise.all([readItem("links", { rows: [] }), readItem("pins", []), readItem("used", {})]);
  return groupLinks(links.rows, "", pins, uses).flatMap(([, rows]) => rows);
}
