// "Insert a single-use link of …": the menu of editable fields, and putting the link at the caret of one.
import { issue, isAddress } from "./issuing.js";
import { get, set } from "./kept.js";
import { ordered, used } from "./links.js";

const MOST = 10;
const ROOT = "insert";

// The menu as the lists are now: nothing unless connected.
export function buildMenu() {
  return navigator.locks.request("menu", async () => {
    await chrome.contextMenus.removeAll();
    if (!(await get("connection"))) return;
    const links = (await ordered()).slice(0, MOST);
    if (!links.length) return;
    const where = { contexts: ["editable"], documentUrlPatterns: ["http://*/*", "https://*/*"] };
    chrome.contextMenus.create({ id: ROOT, title: "Insert a single-use link of …", ...where });
    for (const link of links) chrome.contextMenus.create({ id: link.id, parentId: ROOT, title: literal(link.name), ...where });
  });
}

// Menus underline the letter behind "&", and put the selection where "%s" is.
function literal(name) {
  return name.replaceAll("&", "&&").replaceAll("%s", "%\u200bs");
}

// Looks for the caret first: nothing is made that could not be inserted.
export async function insert({ menuItemId: link, frameId = 0, selectionText = "" }, tab) {
  const target = { tabId: tab.id, frameIds: [frameId] };
  const email = selectionText.trim();
  const wanted = isAddress(email) ? { recipients: [{ email }] } : {};
  let made = null;
  try {
    if (!(await put(target, null))) return await tell(target, "Nothing can be written here, so nothing was made.");
    made = await issue(link, wanted);
    await used(link);
    if (!(await put(target, made.url))) throw new Error("the caret is gone");
    await tell(target, made.status === "active" ? null : `The inserted link cannot be booked now: its link is ${made.status}.`);
  } catch (error) {
    const kept = "A single-use link was made but could not be inserted. Open Oncelink to copy it.";
    await tell(target, made ? kept : `${error.message} No link was inserted.`);
  }
}

// Whether it is there. A page, or another site's frame in it, may take no scripts.
async function put(target, text) {
  try {
    const [{ result }] = await chrome.scripting.executeScript({ target, func: putAtCaret, args: [text] });
    return result;
  } catch {
    return false;
  }
}

// Says it in the page, and at the extension's button, where it stays until the popup is opened.
async function tell(target, sentence) {
  await set("notice", sentence);
  await chrome.action.setBadgeText({ text: sentence ? "!" : "" });
  if (!sentence) return;
  try {
    await chrome.scripting.executeScript({ target, func: showInPage, args: [sentence] });
  } catch {
    // a page that takes no scripts: the button says it
  }
}

// Runs in the page. Puts the text at the caret, behind a selection; without text only says whether there is a caret.
function putAtCaret(text) {
  let field = document.activeElement;
  while (field?.shadowRoot?.activeElement) field = field.shadowRoot.activeElement;
  const plain = /^(TEXTAREA|INPUT)$/.test(field?.tagName) && field.selectionEnd !== null && !field.readOnly && !field.disabled;
  if (!plain && !field?.isContentEditable) return false;
  if (text === null) return true;
  const chosen = plain ? field.selectionEnd > field.selectionStart : !getSelection().isCollapsed;
  if (plain) field.setSelectionRange(field.selectionEnd, field.selectionEnd);
  else if (getSelection().rangeCount) getSelection().collapseToEnd();
  const written = (chosen ? " " : "") + text;
  if (document.execCommand("insertText", false, written)) return true; // the field's own undo, and its listeners, know of it
  if (!plain) return false;
  field.setRangeText(written, field.selectionEnd, field.selectionEnd, "end");
  field.dispatchEvent(new InputEvent("input", { bubbles: true, inputType: "insertText", data: written }));
  return true;
}

// Runs in the page. A sentence at its foot for a while, out of reach of its styles.
function showInPage(sentence) {
  const place = document.createElement("div");
  const shown = place.attachShadow({ mode: "closed" }).appendChild(document.createElement("p"));
  const look = { position: "fixed", bottom: "20px", left: "50%", transform: "translateX(-50%)", zIndex: "2147483647", margin: "0" };
  const text = { maxWidth: "34rem", padding: "12px 16px", borderRadius: "14px", font: "500 14px/1.5 system-ui, sans-serif" };
  Object.assign(shown.style, look, text, { background: "#20302b", color: "#f7f6f2", boxShadow: "0 16px 40px -12px #0006" });
  shown.setAttribute("role", "alert");
  shown.textContent = `Oncelink: ${sentence}`;
  document.documentElement.append(place);
  setTimeout(() => place.remove(), 8000);
}
