// The service worker: works while the popup is closed. It connects, and inserts links from the context menu.
import { finishPairing, openPairingPage } from "./connection.js";
import { buildMenu, insertLink } from "./insert_menu.js";
import { refreshLinks } from "./links.js";
import { refreshSingleUseLinks } from "./single_use_links.js";
import { readItem, restrictAccess } from "./storage.js";

const MENU_ITEMS = ["connection", "links", "pins", "used"]; // the stored items that the menu is made from

restrictAccess();
chrome.runtime.onInstalled.addListener(buildMenu);
chrome.runtime.onStartup.addListener(buildMenu);
chrome.permissions.onAdded.addListener(openPairingPage);
chrome.contextMenus.onClicked.addListener(insertLink);
chrome.storage.onChanged.addListener((changes) => {
  if (MENU_ITEMS.some((name) => name in changes)) buildMenu();
});
chrome.runtime.onMessage.addListener((message, sender, sendResponse) => {
  if (message.kind === "granted") openPairingPage().then(() => sendResponse(true));
  else if (message.kind === "code") connect(message.code, sender).then(sendResponse);
  else return false;
  return true; // the response is asynchronous
});

// Accepts a code only from a page of the server that this extension is connecting to.
async function connect(code, sender) {
  const pairing = await readItem("pairing");
  if (!pairing || new URL(sender.url).origin !== pairing.server) return { connected: false, sentence: "Please begin in the extension." };
  try {
    const person = await finishPairing(code);
    await Promise.allSettled([refreshLinks(), refreshSingleUseLinks()]);
    return { connected: true, sentence: `Connected as ${person.name}. You can close this tab and use the extension.` };
  } catch (error) {
    return { connected: false, sentence: `${error.message} Please connect again, from the extension.` };
  }
}
