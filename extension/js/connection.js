// Connects to a server: the person agrees on its page, which shows a one-time code that only this extension can exchange.
import { callApi, parseBody, sendRequest } from "./api_client.js";
import { ApiError, InputError } from "./errors.js";
import { CONNECTION_ITEMS, readItem, removeItems, writeItem } from "./storage.js";

const SCRIPT_ID = "pairing";
const LOCAL_HOSTS = ["localhost", "127.0.0.1"];

// Returns the origin of an address. Throws InputError if it is invalid or not encrypted.
export function parseServerOrigin(text) {
  const address = text.trim();
  const hasScheme = /^[a-z]+:\/\//i.test(address);
  const isLocal = LOCAL_HOSTS.some((host) => address.split(/[:/]/)[0] === host);
  let url;
  try {
    url = new URL(hasScheme ? address : `${isLocal ? "http" : "https"}://${address}`);
  } catch {
    throw new InputError("Give the address of your Oncelink server, such as meet.example.com.");
  }
  const isSafe = url.protocol === "https:" || (url.protocol === "http:" && LOCAL_HOSTS.includes(url.hostname));
  if (!isSafe) throw new InputError("The address must begin with https://, so that nobody can read along.");
  return url.origin;
}

// Asks for the permission; the browser allows this only within a click. It may close the popup, so the worker continues.
export async function startPairing(server) {
  const verifier = encodeBase64Url(crypto.getRandomValues(new Uint8Array(32)));
  await writeItem("pairing", { server, verifier, opened: false });
  const isGranted = await chrome.permissions.request({ origins: [`${server}/*`] });
  if (isGranted) await chrome.runtime.sendMessage({ kind: "granted" });
  else await removeItems("pairing");
  return isGranted;
}

// Runs in the worker. Opens the server's page once for each pairing, with a script on it that reads the code.
export function openPairingPage() {
  return navigator.locks.request("pairing", async () => {
    const pairing = await readItem("pairing");
    if (!pairing || pairing.opened) return;
    if (!(await chrome.permissions.contains({ origins: [`${pairing.server}/*`] }))) return;
    await writeItem("pairing", { ...pairing, opened: true });
    await registerPairingScript(pairing.server);
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(pairing.verifier));
    const query = new URLSearchParams({ extension: chrome.runtime.id, challenge: encodeBase64Url(new Uint8Array(digest)) });
    await chrome.tabs.create({ url: `${pairing.server}/settings/extension?${query}` });
  });
}

async function registerPairingScript(server) {
  await unregisterPairingScript();
  const script = { id: SCRIPT_ID, js: ["js/pairing_page.js"], matches: [`${server}/settings/extension*`], persistAcrossSessions: false };
  await chrome.scripting.registerContentScripts([script]);
}

async function unregisterPairingScript() {
  if ((await chrome.scripting.getRegisteredContentScripts({ ids: [SCRIPT_ID] })).length) {
    await chrome.scripting.unregisterContentScripts({ ids: [SCRIPT_ID] });
  }
}

// Exchanges the code for a key. Throws InputError, ApiError, NetworkError.
export function finishPairing(code) {
  return navigator.locks.request("pairing", async () => {
    const pairing = await readItem("pairing");
    if (!pairing) throw new InputError("Nobody is connecting. Please begin in the extension.");
    const body = { code: code.trim(), verifier: pairing.verifier };
    const response = await sendRequest(`${pairing.server}/extension/pair`, { method: "POST", headers: {}, body });
    const content = await parseBody(response);
    if (!response.ok) throw new ApiError(content, response.status);
    const { id: keyId, key, person } = content;
    await writeItem("connection", { server: pairing.server, keyId, key, person });
    await removeItems("pairing", "ended", "links", "made", "position");
    await unregisterPairingScript();
    return person;
  });
}

export async function cancelPairing() {
  await removeItems("pairing");
  await unregisterPairingScript();
}

// Revokes the key on the server, then forgets the connection. Throws NetworkError, ApiError, and forgets nothing then.
export async function disconnect() {
  const { keyId } = await readItem("connection");
  await callApi(`/v1/api-keys/${keyId}`, { method: "DELETE" });
  await forgetConnection();
}

export async function forgetConnection() {
  const connection = await readItem("connection");
  await removeItems(...CONNECTION_ITEMS, "ended");
  if (!connection) return;
  try {
    await chrome.permissions.remove({ origins: [`${connection.server}/*`] });
  } catch {
    // the policy of an administrator may grant it permanently
  }
}

function encodeBase64Url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
