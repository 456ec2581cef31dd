// Asking the server, with the key of this connection. Each way to fail has a class, as each asks something else of a person.
import { get, remove, set } from "./kept.js";

const PATIENCE = 15000;
const TRIES = 3;
const PAUSE = 700;

export class Refused extends Error {
  constructor(problem, status) {
    super(problem?.detail ?? "The server did not do it.");
    Object.assign(this, { problem, status });
  }
}

export class Unreachable extends Error {}

export class Ended extends Error {
  constructor() {
    super("This connection has ended: its key was revoked or has expired.");
  }
}

// {body, replayed}. Throws Refused with the problem, Ended when the key is no more, Unreachable without an answer.
export async function ask(path, { method = "GET", body, key, tries = 1 } = {}) {
  const connection = await get("connection");
  if (!connection) throw new Ended();
  const headers = { Authorization: `Bearer ${connection.key}` };
  const position = await get("position");
  if (method === "GET" && position) headers["Oncelink-Min-Position"] = position;
  if (key) headers["Idempotency-Key"] = key;
  for (let attempt = 1; ; attempt++) {
    try {
      const answer = await send(connection.server + path, { method, headers, body });
      return await read(answer, connection);
    } catch (error) {
      const again = error instanceof Unreachable || error.status === 503;
      if (!again || attempt >= tries) throw error;
      await new Promise((done) => setTimeout(done, PAUSE * attempt));
    }
  }
}

// One request; the session of the pages is never sent along.
export async function send(url, { method, headers, body }) {
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  if (sent.body) headers = { ...headers, "Content-Type": "application/json" };
  const signal = AbortSignal.timeout(PATIENCE);
  try {
    return await fetch(url, { method, headers, signal, credentials: "omit", cache: "no-store", redirect: "error", ...sent });
  } catch {
    throw new Unreachable("The server could not be reached.");
  }
}

async function read(answer, connection) {
  if (answer.status === 401) {
    await end(connection);
    throw new Ended();
  }
  const body = answer.status === 204 ? null : await parsed(answer);
  if (!answer.ok) throw new Refused(body, answer.status);
  const position = answer.headers.get("Oncelink-Position");
  if (position) await set("position", position); // read your writes
  return { body, replayed: answer.headers.get("Idempotent-Replayed") === "true" };
}

export async function parsed(answer) {
  try {
    return await answer.json();
  } catch {
    if (answer.ok) throw new Unreachable("The server's answer broke off.");
    return null;
  }
}

// The key is worth nothing any more, so neither it nor what it brought is kept; the address is, to connect again.
async function end(connection) {
  if ((await get("connection"))?.keyId !== connection.keyId) return;
  await set("ended", { server: connection.server });
  await remove("connection", "links", "made", "position");
}
