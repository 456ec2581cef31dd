// The popup: connects, or searches and copies links and lists the person's single-use links.
import { copyText } from "./clipboard.js";
import { showConnectPanel, startConnectPanel } from "./connect_panel.js";
import { disconnect, forgetConnection } from "./connection.js";
import { ApiError, ConnectionEndedError, NetworkError, OfflineError } from "./errors.js";
import { findCurrentLink, findLinkOf, showLinks, startLinkList } from "./link_list.js";
import { recordUse, refreshLinks, togglePin } from "./links.js";
import { closeMenus, findOpener, startMenus, toggleMenu } from "./menus.js";
import { describeLink, formatInstant, showBar, showToast } from "./messages.js";
import { issueLink, parseRecipient, refreshSingleUseLinks } from "./single_use_links.js";
import { showSingleUseLinks, startSingleUseList } from "./single_use_list.js";
import { readItem, removeItems } from "./storage.js";

const $ = (id) => document.getElementById(id);

async function startPopup() {
  startLinkList();
  startSingleUseList(reportError);
  startMenus((button) => (button.tabIndex < 0 ? $("search") : button).focus());
  startConnectPanel(showPanel);
  startCopyActions();
  startTabs();
  startAccountMenu();
  chrome.storage.onChanged.addListener((changes) => "connection" in changes && showPanel());
  await showPanel();
}

// Shows the stored lists at once, then those of the server.
async function showPanel() {
  const [connection, ended, pairing] = await Promise.all([readItem("connection"), readItem("ended"), readItem("pairing")]);
  $("bar").hidden = true;
  $("links").hidden = !connection;
  $("connect").hidden = Boolean(connection);
  if (!connection) {
    closeMenus();
    return showConnectPanel(ended, pairing);
  }
  $("account").textContent = [...connection.person.name][0].toUpperCase();
  $("account").setAttribute("aria-label", `Connection of ${connection.person.name}`);
  $("who").textContent = connection.person.name;
  $("where").textContent = connection.server;
  const [links, singleUseLinks] = await Promise.all([readItem("links"), readItem("made")]);
  await showLinks(links);
  showSingleUseLinks(singleUseLinks ?? []);
  $("search").focus();
  await showStoredNotice();
  await refreshLists(links);
}

async function refreshLists(storedLinks) {
  try {
    const [links, singleUseLinks] = await Promise.all([refreshLinks(), refreshSingleUseLinks()]);
    await showLinks(links);
    showSingleUseLinks(singleUseLinks);
  } catch (error) {
    if (error instanceof ConnectionEndedError) return;
    const reason = navigator.onLine ? error.message : "You are offline.";
    showBar(storedLinks ? `${reason} This is the list of ${formatInstant(storedLinks.at)}.` : reason);
  }
}

// The worker stores a notice while the popup is closed.
async function showStoredNotice() {
  const notice = await readItem("notice");
  if (notice) showBar(notice);
  await removeItems("notice");
  await chrome.action.setBadgeText({ text: "" });
}

function reportError(error) {
  if (error instanceof ConnectionEndedError) return; // the panel to connect is there
  if (error instanceof ApiError || error instanceof OfflineError) return showToast(error.message);
  if (error instanceof NetworkError) return showToast("The server could not be reached. Press again: nothing is made twice.");
  showToast("Something went wrong. Press again: nothing is made twice.");
  throw error;
}

function startCopyActions() {
  $("search").addEventListener("keydown", handleEnter);
  $("recipient").addEventListener("keydown", handleEnter);
  $("rows").addEventListener("click", (event) => {
    const link = findLinkOf(event.target);
    if (event.target.closest(".main")) copyLink(link);
    if (event.target.closest(".more")) openRowMenu(event.target.closest(".more"), link);
  });
  $("row-menu").addEventListener("click", async (event) => {
    const action = event.target.closest("[data-act]")?.dataset.act;
    const link = findLinkOf(findOpener($("row-menu")));
    if (!action) return;
    closeMenus();
    $("search").focus();
    if (action === "single-use") return copySingleUseLink(link);
    await togglePin(link.id);
    await showLinks();
  });
}

// In the field for a recipient, Enter always makes a single-use link.
function handleEnter(event) {
  if (event.key !== "Enter" || event.isComposing) return;
  event.preventDefault();
  const link = findCurrentLink();
  if (!link) return;
  if (event.shiftKey || event.target === $("recipient")) copySingleUseLink(link);
  else copyLink(link);
}

async function openRowMenu(button, link) {
  const pins = await readItem("pins", []);
  $("row-menu").querySelector("[data-pin-words]").textContent = pins.includes(link.id) ? "Unpin" : "Pin to the top";
  toggleMenu(button, $("row-menu"));
}

async function copyLink(link) {
  if (!(await copyText(link.url))) return;
  showToast(`Copied the link ${link.name}. It can be booked any number of times.`);
  await recordUse(link.id);
  await showLinks();
}

async function copySingleUseLink(link) {
  if ($("links").getAttribute("aria-busy") === "true") return;
  $("recipient-problem").textContent = "";
  let recipient;
  try {
    recipient = parseRecipient($("recipient").value);
  } catch (error) {
    $("recipient-problem").textContent = error.message;
    return $("recipient").focus();
  }
  $("links").setAttribute("aria-busy", "true");
  try {
    const singleUseLink = await issueLink(link.id, recipient ? { recipients: [recipient] } : {});
    $("recipient").value = "";
    const isCopied = await copyText(singleUseLink.url);
    showToast(describeLink(singleUseLink, isCopied ? "Copied a single-use link" : "Made a single-use link"));
    await recordUse(link.id);
    await showLinks();
  } catch (error) {
    reportError(error);
  } finally {
    $("links").removeAttribute("aria-busy");
  }
  await refreshSingleUseLinks().then(showSingleUseLinks, () => {}); // the next refresh reports the error
}

function startTabs() {
  const tabs = [$("tab-copy"), $("tab-made")];
  const selectTab = (selected) => {
    for (const tab of tabs) {
      tab.setAttribute("aria-selected", String(tab === selected));
      tab.tabIndex = tab === selected ? 0 : -1;
      $(tab.getAttribute("aria-controls")).hidden = tab !== selected;
    }
  };
  for (const tab of tabs) {
    tab.addEventListener("click", () => selectTab(tab));
    tab.addEventListener("keydown", (event) => {
      if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
      const otherTab = tabs.find((one) => one !== tab);
      selectTab(otherTab);
      otherTab.focus();
    });
  }
}

function startAccountMenu() {
  const menu = $("account-menu");
  $("account").addEventListener("click", () => toggleMenu($("account"), menu));
  menu.addEventListener("click", async (event) => {
    const action = event.target.closest("[data-act]")?.dataset.act;
    if (!action) return;
    closeMenus();
    if (action === "open") return chrome.tabs.create({ url: (await readItem("connection")).server });
    if (action === "forget") return forgetConnection();
    try {
      await disconnect();
    } catch (error) {
      if (error instanceof ConnectionEndedError) return;
      menu.querySelector("[data-act=forget]").hidden = false;
      showBar(`${error.message} So the key still works. Try again later, or forget it here and end it in Settings.`);
    }
  });
}

startPopup();
