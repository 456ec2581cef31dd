// Making single-use links: one idempotency key for each press, kept until it is answered, so that none is made twice.
import { change, get } from "./kept.js";
import { ask, Refused } from "./server.js";

export class Offline extends Error {
  constructor() {
    super("You are offline, so nothing was made.");
  }
}

// One after the other, whoever asks: two presses at once must not share a key.
export function issue(link, wanted = {}) {
  return navigator.locks.request("issuing", () => issued(link, wanted));
}

async function issued(link, wanted) {
  if (!navigator.onLine) throw new Offline();
  const body = { ...wanted, source: "extension" };
  const intention = `${link} ${JSON.stringify(body)}`;
  const key = (await get("unanswered", {}))[intention] ?? newKey();
  await change("unanswered", {}, (kept) => ({ ...kept, [intention]: key }));
  const [made, replayed] = await answered(link, body, key, intention);
  if (replayed && (await isRevoked(made))) return (await answered(link, body, newKey(), intention))[0];
  return made;
}

async function answered(link, body, key, intention) {
  const path = `/v1/links/${link}/single-use`;
  try {
    const { body: answer, replayed } = await ask(path, { method: "POST", body, key, tries: 3 });
    await forget(intention);
    return [answer.items[0], replayed];
  } catch (error) {
    if (error instanceof Refused && error.status < 500) await forget(intention);
    throw error;
  }
}

function forget(intention) {
  return change("unanswered", {}, ({ [intention]: _, ...others }) => others);
}

// An earlier press made it, and it was revoked since, from a list: it is no answer to this press.
async function isRevoked(made) {
  const { body } = await ask(`/v1/single-use/${made.id}`);
  return body.status === "revoked";
}

export async function revoke(id) {
  return (await ask(`/v1/single-use/${id}/revoke`, { method: "POST", body: {}, tries: 3 })).body;
}

function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(18));
  return btoa(String.fromCharCode(...bytes)).replace(/[+/]/g, "-");
}

const ADDRESS = /^[^\s@<>"(),;:]+@[^\s@<>"(),;:]+\.[^\s@<>"(),;:.]+$/;

export function isAddress(text) {
  return text.length <= 254 && ADDRESS.test(text);
}

// "Grace Hopper", "grace@acme.example" or "Grace Hopper <grace@acme.example>"; null for nobody. Throws for none of these.
export function recipientOf(text) {
  const said = text.replace(/\s+/g, " ").trim();
  if (!said) return null;
  const [, name, email] = /^(.*?)\s*<([^<>]*)>$/.exec(said) ?? (said.includes("@") ? [said, "", said] : [said, said, ""]);
  if (email && !isAddress(email)) throw new Refused({ detail: `“${email}” is not an e-mail address.` }, 422);
  if (name.length > 200) throw new Refused({ detail: "A name has at most 200 characters." }, 422);
  return { ...(name && { name }), ...(email && { email }) };
}
