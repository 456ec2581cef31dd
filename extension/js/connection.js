// Connecting: the person agrees on a page of the server, which shows a one-time code that is worth something only here.
import { get, OF_CONNECTION, remove, set } from "./kept.js";
import { ask, parsed, Refused, send } from "./server.js";

const SCRIPT = "pairing";
const LOCAL = ["localhost", "127.0.0.1"];

// The origin of what was typed. Throws Refused for what is no address, or one where others could read along.
export function serverOf(text) {
  const typed = text.trim();
  const bare = !/^[a-z]+:\/\//i.test(typed);
  const near = LOCAL.some((host) => typed.split(/[:/]/)[0] === host);
  let url;
  try {
    url = new URL(bare ? `${near ? "http" : "https"}://${typed}` : typed);
  } catch {
    throw new Refused({ detail: "Give the address of your Oncelink server, such as meet.example.com." }, 422);
  }
  const safe = url.protocol === "https:" || (url.protocol === "http:" && LOCAL.includes(url.hostname));
  if (!safe) throw new Refused({ detail: "The address must begin with https://, so that nobody can read along." }, 422);
  return url.origin;
}

// Called from a press: the browser asks for the permission. It may close the popup, so the worker goes on from here.
export async function begin(server) {
  await set("pairing", { server, verifier: base64url(crypto.getRandomValues(new Uint8Array(32))), opened: false });
  const granted = await chrome.permissions.request({ origins: [`${server}/*`] });
  if (granted) await chrome.runtime.sendMessage({ kind: "granted" });
  else await remove("pairing");
  return granted;
}

// In the worker, once permission is there: opens the page, with a script on it that reads the code. Once for each try.
export function open() {
  return navigator.locks.request("pairing", async () => {
    const pairing = await get("pairing");
    if (!pairing || pairing.opened) return;
    if (!(await chrome.permissions.contains({ origins: [`${pairing.server}/*`] }))) return;
    await set("pairing", { ...pairing, opened: true });
    await listen(pairing.server);
    const challenge = base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(pairing.verifier))));
    const query = new URLSearchParams({ extension: chrome.runtime.id, challenge });
    await chrome.tabs.create({ url: `${pairing.server}/settings/extension?${query}` });
  });
}

async function listen(server) {
  await deafen();
  const matches = [`${server}/settings/extension*`];
  await chrome.scripting.registerContentScripts([{ id: SCRIPT, js: ["js/pairing.js"], matches, persistAcrossSessions: false }]);
}

async function deafen() {
  if ((await chrome.scripting.getRegisteredContentScripts({ ids: [SCRIPT] })).length) {
    await chrome.scripting.unregisterContentScripts({ ids: [SCRIPT] });
  }
}

// Exchanges the code for a key. Throws Refused, Unreachable.
export function finish(code) {
  return navigator.locks.request("pairing", async () => {
    const pairing = await get("pairing");
    if (!pairing) throw new Refused({ detail: "Nobody is connecting. Please begin in the extension." }, 422);
    const body = { code: code.trim(), verifier: pairing.verifier };
    const answer = await send(`${pairing.server}/extension/pair`, { method: "POST", headers: {}, body });
    const said = await parsed(answer);
    if (!answer.ok) throw new Refused(said, answer.status);
    const { id: keyId, key, person } = said;
    await set("connection", { server: pairing.server, keyId, key, person });
    await remove("pairing", "ended", "links", "made", "position");
    await deafen();
    return person;
  });
}

export async function cancel() {
  await remove("pairing");
  await deafen();
}

// Ends the key at the server, then forgets everything about it here. Throws Unreachable, Refused: nothing is forgotten then.
export async function disconnect() {
  const { keyId } = await get("connection");
  await ask(`/v1/api-keys/${keyId}`, { method: "DELETE" });
  await forget();
}

export async function forget() {
  const connection = await get("connection");
  await remove(...OF_CONNECTION, "ended");
  if (!connection) return;
  try {
    await chrome.permissions.remove({ origins: [`${connection.server}/*`] });
  } catch {
    // an administrator's policy may have granted it for good
  }
}

function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
