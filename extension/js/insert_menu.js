// The context menu "Insert a single-use link of …" of editable fields. It writes the link at the caret.
import { listLinks, recordUse } from "./links.js";
import { isEmail, issueLink } from "./single_use_links.js";
import { readItem, writeItem } from "./storage.js";

const MAX_ITEMS = 10;
const ROOT_ID = "insert";

// Makes the menu from the current lists. There is none without a connection.
export function buildMenu() {
  return navigator.locks.request("menu", async () => {
    await chrome.contextMenus.removeAll();
    if (!(await readItem("connection"))) return;
    const links = (await listLinks()).slice(0, MAX_ITEMS);
    if (!links.length) return;
    const scope = { contexts: ["editable"], documentUrlPatterns: ["http://*/*", "https://*/*"] };
    chrome.contextMenus.create({ id: ROOT_ID, title: "Insert a single-use link of …", ...scope });
    for (const link of links) chrome.contextMenus.create({ id: link.id, parentId: ROOT_ID, title: escapeTitle(link.name), ...scope });
  });
}

// In a title "&" underlines the next letter, and "%s" is the selection.
function escapeTitle(name) {
  return name.replaceAll("&", "&&").replaceAll("%s", "%\u200bs");
}

// Issues a link only if there is a caret to insert it at.
export async function insertLink({ menuItemId: linkId, frameId = 0, selectionText = "" }, tab) {
  const target = { tabId: tab.id, frameIds: [frameId] };
  const email = selectionText.trim();
  const details = isEmail(email) ? { recipients: [{ email }] } : {};
  let link = null;
  try {
    if (!(await insertText(target, null))) return await showNotice(target, "Nothing can be written here, so nothing was made.");
    link = await issueLink(linkId, details);
    await recordUse(linkId);
    if (!(await insertText(target, link.url))) throw new Error("the caret is gone");
    await showNotice(target, link.status === "active" ? null : `The inserted link cannot be booked now: its link is ${link.status}.`);
  } catch (error) {
    const message = "A single-use link was made but could not be inserted. Open Oncelink to copy it.";
    await showNotice(target, link ? message : `${error.message} No link was inserted.`);
  }
}

// Returns whether the text is inserted; null only looks for a caret. Some pages and frames allow no scripts.
async function insertText(target, text) {
  try {
    const [{ result }] = await chrome.scripting.executeScript({ target, func: insertAtCaret, args: [text] });
    return result;
  } catch {
    return false;
  }
}

// Shows the message in the page, and a badge at the extension's button until the popup shows the message.
async function showNotice(target, message) {
  await writeItem("notice", message);
  await chrome.action.setBadgeText({ text: message ? "!" : "" });
  if (!message) return;
  try {
    await chrome.scripting.executeScript({ target, func: showInPage, args: [message] });
  } catch {
    // the page allows no scripts: the badge has to do
  }
}

// Runs in the page. Inserts the text at the caret or after the selection. Without a text, returns whether there is a caret.
function insertAtCaret(text) {
  let field = document.activeElement;
  while (field?.shadowRoot?.activeElement) field = field.shadowRoot.activeElement;
  const isPlain = /^(TEXTAREA|INPUT)$/.test(field?.tagName) && field.selectionEnd !== null && !field.readOnly && !field.disabled;
  if (!isPlain && !field?.isContentEditable) return false;
  if (text === null) return true;
  const hasSelection = isPlain ? field.selectionEnd > field.selectionStart : !getSelection().isCollapsed;
  if (isPlain) field.setSelectionRange(field.selectionEnd, field.selectionEnd);
  else if (getSelection().rangeCount) getSelection().collapseToEnd();
  const content = (hasSelection ? " " : "") + text;
  if (document.execCommand("insertText", false, content)) return true; // so that undo and the page's listeners work
  if (!isPlain) return false;
  field.setRangeText(content, field.selectionEnd, field.selectionEnd, "end");
  field.dispatchEvent(new InputEvent("input", { bubbles: true, inputType: "insertText", data: content }));
  return true;
}

// Runs in the page. Shows a message at its bottom for some seconds; the shadow root keeps the page's styles out.
function showInPage(message) {
  const host = document.createElement("div");
  const paragraph = host.attachShadow({ mode: "closed" }).appendChild(document.createElement("p"));
  const position = { position: "fixed", bottom: "20px", left: "50%", transform: "translateX(-50%)", zIndex: "2147483647", margin: "0" };
  const text = { maxWidth: "34rem", padding: "12px 16px", borderRadius: "14px", font: "500 14px/1.5 system-ui, sans-serif" };
  Object.assign(paragraph.style, position, text, { background: "#20302b", color: "#f7f6f2", boxShadow: "0 16px 40px -12px #0006" });
  paragraph.setAttribute("role", "alert");
  paragraph.textContent = `Oncelink: ${message}`;
  document.documentElement.append(host);
  setTimeout(() => host.remove(), 8000);
}
