// Issues and revokes single-use links. The idempotency key of a request is stored until there is a response.
import { callApi } from "./api_client.js";
import { ApiError, InputError, OfflineError } from "./errors.js";
import { readItem, updateItem, writeItem } from "./storage.js";

const RECENT_COUNT = 10;
const EMAIL = /^[^\s@<>"(),;:]+@[^\s@<>"(),;:]+\.[^\s@<>"(),;:.]+$/;

// Issues one link. A lock keeps two simultaneous clicks from sharing a key. Throws OfflineError and the errors of callApi.
export function issueLink(linkId, details = {}) {
  return navigator.locks.request("issuing", () => issueOnce(linkId, details));
}

async function issueOnce(linkId, details) {
  if (!navigator.onLine) throw new OfflineError();
  const body = { ...details, source: "extension" };
  const request = `${linkId} ${JSON.stringify(body)}`;
  const key = (await readItem("unanswered", {}))[request] ?? createIdempotencyKey();
  await updateItem("unanswered", {}, (keys) => ({ ...keys, [request]: key }));
  const [link, isReplay] = await sendIssueRequest(linkId, body, key, request);
  // an earlier click issued this link, and somebody has revoked it since: this click needs another one
  if (isReplay && (await isRevoked(link))) return (await sendIssueRequest(linkId, body, createIdempotencyKey(), request))[0];
  return link;
}

async function sendIssueRequest(linkId, body, key, request) {
  const path = `/v1/links/${linkId}/single-use`;
  try {
    const { body: content, isReplay } = await callApi(path, { method: "POST", body, key, maxAttempts: 3 });
    await removeKey(request);
    return [content.items[0], isReplay];
  } catch (error) {
    if (error instanceof ApiError && error.status < 500) await removeKey(request);
    throw error;
  }
}

function removeKey(request) {
  return updateItem("unanswered", {}, ({ [request]: _, ...others }) => others);
}

async function isRevoked(link) {
  const { body } = await callApi(`/v1/single-use/${link.id}`);
  return body.status === "revoked";
}

export async function revokeLink(id) {
  return (await callApi(`/v1/single-use/${id}/revoke`, { method: "POST", body: {}, maxAttempts: 3 })).body;
}

// Loads the links that the person issued last: the first of what the page My Single-Use Links shows.
export async function refreshSingleUseLinks() {
  const query = new URLSearchParams({ view: "mine", limit: RECENT_COUNT, sort: "-issued_at" });
  const { body } = await callApi(`/v1/single-use?${query}`);
  await writeItem("made", body.items);
  return body.items;
}

function createIdempotencyKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(18));
  return btoa(String.fromCharCode(...bytes)).replace(/[+/]/g, "-");
}

export function isEmail(text) {
  return text.length <= 254 && EMAIL.test(text);
}

// Parses "Grace Hopper", "grace@acme.example" or "Grace Hopper <grace@acme.example>"; null if empty. Throws InputError.
export function parseRecipient(input) {
  const text = input.replace(/\s+/g, " ").trim();
  if (!text) return null;
  const [, name, email] = /^(.*?)\s*<([^<>]*)>$/.exec(text) ?? (text.includes("@") ? [text, "", text] : [text, text, ""]);
  if (email && !isEmail(email)) throw new InputError(`“${email}” is not an e-mail address.`);
  if (name.length > 200) throw new InputError("A name has at most 200 characters.");
  return { ...(name && { name }), ...(email && { email }) };
}
