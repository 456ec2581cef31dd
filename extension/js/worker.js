// What goes on while the popup is closed: connecting, and the menu of editable fields.
import { finish, open } from "./connecting.js";
import { buildMenu, insert } from "./inserting.js";
import { get, shield } from "./kept.js";
import { refresh, refreshMade } from "./links.js";

const IN_THE_MENU = ["connection", "links", "pins", "used"];

shield();
chrome.runtime.onInstalled.addListener(buildMenu);
chrome.runtime.onStartup.addListener(buildMenu);
chrome.permissions.onAdded.addListener(open);
chrome.contextMenus.onClicked.addListener(insert);
chrome.storage.onChanged.addListener((changes) => {
  if (IN_THE_MENU.some((name) => name in changes)) buildMenu();
});
chrome.runtime.onMessage.addListener((message, sender, answer) => {
  if (message.kind === "granted") open().then(() => answer(true));
  else if (message.kind === "code") connect(message.code, sender).then(answer);
  else return false;
  return true; // the answer comes later
});

// The code counts only from the page of the server that this extension is connecting to.
async function connect(code, sender) {
  const pairing = await get("pairing");
  if (!pairing || new URL(sender.url).origin !== pairing.server) return { connected: false, sentence: "Please begin in the extension." };
  try {
    const person = await finish(code);
    await Promise.allSettled([refresh(), refreshMade()]);
    return { connected: true, sentence: `Connected as ${person.name}. You can close this tab and use the extension.` };
  } catch (error) {
    return { connected: false, sentence: `${error.message} Please connect again, from the extension.` };
  }
}
