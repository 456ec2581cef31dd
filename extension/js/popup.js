// The popup: connect, or search, copy and look after what was made.
import { begin, cancel, disconnect, finish, forget, serverOf } from "./connecting.js";
import { about, copy, inWords, say } from "./copying.js";
import { issue, Offline, recipientOf } from "./issuing.js";
import { get, remove } from "./kept.js";
import { pin, refresh, refreshMade, used } from "./links.js";
import { currentLink, linkOf, show, startList } from "./list.js";
import { showMade, startMade } from "./made.js";
import { closeAll, openerOf, startMenus, toggle } from "./menus.js";
import { Ended, Refused, Unreachable } from "./server.js";

const $ = (id) => document.getElementById(id);
const UNSURE = "The server could not be reached. Press again: nothing is made twice.";

async function start() {
  startList();
  startMade(failed);
  startMenus((button) => (button.tabIndex < 0 ? $("search") : button).focus());
  startConnecting();
  startCopying();
  startTabs();
  startAccount();
  chrome.storage.onChanged.addListener((changes) => "connection" in changes && open());
  await open();
}

// What was kept is shown at once; what the server says now takes its place.
async function open() {
  const [connection, ended, pairing] = await Promise.all([get("connection"), get("ended"), get("pairing")]);
  $("bar").hidden = true;
  $("links").hidden = !connection;
  $("connect").hidden = Boolean(connection);
  if (!connection) return askToConnect(ended, pairing);
  $("account").textContent = [...connection.person.name][0].toUpperCase();
  $("account").setAttribute("aria-label", `Connection of ${connection.person.name}`);
  $("who").textContent = connection.person.name;
  $("where").textContent = connection.server;
  const [links, made] = await Promise.all([get("links"), get("made")]);
  await show(links);
  showMade(made ?? []);
  $("search").focus();
  await tellNotice();
  await reload(links);
}

async function reload(kept) {
  try {
    const [links, made] = await Promise.all([refresh(), refreshMade()]);
    await show(links);
    showMade(made);
  } catch (error) {
    if (error instanceof Ended) return;
    const why = navigator.onLine ? error.message : "You are offline.";
    bar(kept ? `${why} This is the list of ${inWords(kept.at)}.` : why);
  }
}

// What the worker could not say while the popup was closed.
async function tellNotice() {
  const notice = await get("notice");
  if (notice) bar(notice);
  await remove("notice");
  await chrome.action.setBadgeText({ text: "" });
}

function bar(sentence) {
  $("bar").textContent = sentence;
  $("bar").hidden = false;
}

function failed(error) {
  if (error instanceof Ended) return;
  const known = error instanceof Refused || error instanceof Offline;
  say(known ? error.message : error instanceof Unreachable ? UNSURE : "Something went wrong. Press again: nothing is made twice.");
  if (!known && !(error instanceof Unreachable)) throw error;
}

function askToConnect(ended, pairing) {
  closeAll();
  $("connect-title").textContent = ended ? "This connection has ended" : "Connect to your server";
  if (ended) $("connect-lead").textContent = "Its key was revoked or has expired. Connect again to go on.";
  $("server").value ||= ended?.server ?? pairing?.server ?? "";
  const waiting = Boolean(pairing?.opened);
  $("code-form").hidden = !waiting;
  $("connect-form").hidden = waiting;
  $(waiting ? "code" : "server").focus();
}

function startConnecting() {
  $("connect-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    $("connect-problem").textContent = "";
    try {
      const granted = await begin(serverOf($("server").value));
      if (!granted) throw new Refused({ detail: "Without the permission to reach it the extension cannot connect." });
      await open();
    } catch (error) {
      $("connect-problem").textContent = error.message;
    }
  });
  $("code-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    $("code-problem").textContent = "";
    await finish($("code").value).catch((error) => ($("code-problem").textContent = error.message));
  });
  $("cancel").addEventListener("click", async () => {
    await cancel();
    await open();
  });
}

function startCopying() {
  $("search").addEventListener("keydown", onEnter);
  $("recipient").addEventListener("keydown", onEnter);
  $("rows").addEventListener("click", (event) => {
    const link = linkOf(event.target);
    if (event.target.closest(".main")) copyLink(link);
    if (event.target.closest(".more")) openMore(event.target.closest(".more"), link);
  });
  $("row-menu").addEventListener("click", async (event) => {
    const act = event.target.closest("[data-act]")?.dataset.act;
    const link = linkOf(openerOf($("row-menu")));
    if (!act) return;
    closeAll();
    $("search").focus();
    if (act === "single-use") return copySingleUse(link);
    await pin(link.id);
    await show();
  });
}

// In the field for somebody there is only one thing to make.
function onEnter(event) {
  if (event.key !== "Enter" || event.isComposing) return;
  event.preventDefault();
  const link = currentLink();
  if (!link) return;
  if (event.shiftKey || event.target === $("recipient")) copySingleUse(link);
  else copyLink(link);
}

async function openMore(button, link) {
  const pins = await get("pins", []);
  $("row-menu").querySelector("[data-pin-words]").textContent = pins.includes(link.id) ? "Unpin" : "Pin to the top";
  toggle(button, $("row-menu"));
}

async function copyLink(link) {
  if (!(await copy(link.url))) return;
  say(`Copied the link ${link.name}. It can be booked any number of times.`);
  await used(link.id);
  await show();
}

async function copySingleUse(link) {
  if ($("links").getAttribute("aria-busy") === "true") return;
  $("recipient-problem").textContent = "";
  let recipient;
  try {
    recipient = recipientOf($("recipient").value);
  } catch (error) {
    $("recipient-problem").textContent = error.message;
    return $("recipient").focus();
  }
  $("links").setAttribute("aria-busy", "true");
  try {
    const made = await issue(link.id, recipient ? { recipients: [recipient] } : {});
    $("recipient").value = "";
    const copied = await copy(made.url);
    say(about(made, copied ? "Copied a single-use link" : "Made a single-use link"));
    await used(link.id);
    await show();
  } catch (error) {
    failed(error);
  } finally {
    $("links").removeAttribute("aria-busy");
  }
  await refreshMade().then(showMade, () => {}); // the list of them says so itself when it is next looked at
}

function startTabs() {
  const tabs = [$("tab-copy"), $("tab-made")];
  const choose = (tab) => {
    for (const one of tabs) {
      one.setAttribute("aria-selected", String(one === tab));
      one.tabIndex = one === tab ? 0 : -1;
      $(one.getAttribute("aria-controls")).hidden = one !== tab;
    }
  };
  for (const tab of tabs) {
    tab.addEventListener("click", () => choose(tab));
    tab.addEventListener("keydown", (event) => {
      if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
      const other = tabs.find((one) => one !== tab);
      choose(other);
      other.focus();
    });
  }
}

function startAccount() {
  const menu = $("account-menu");
  $("account").addEventListener("click", () => toggle($("account"), menu));
  menu.addEventListener("click", async (event) => {
    const act = event.target.closest("[data-act]")?.dataset.act;
    if (!act) return;
    closeAll();
    if (act === "open") return chrome.tabs.create({ url: (await get("connection")).server });
    if (act === "forget") return forget();
    try {
      await disconnect();
    } catch (error) {
      if (error instanceof Ended) return;
      menu.querySelector("[data-act=forget]").hidden = false;
      bar(`${error.message} So the key still works. Try again later, or forget it here and end it in Settings.`);
    }
  });
}

start();
