// Calls the server's API with the key of the connection.
import { ApiError, ConnectionEndedError, NetworkError } from "./errors.js";
import { readItem, removeItems, writeItem } from "./storage.js";

const TIMEOUT_MILLISECONDS = 15000;
const RETRY_MILLISECONDS = 700;

// Returns {body, isReplay}. Throws ApiError, ConnectionEndedError, NetworkError. Retries after a lost response or 503.
export async function callApi(path, { method = "GET", body, key, maxAttempts = 1 } = {}) {
  const connection = await readItem("connection");
  if (!connection) throw new ConnectionEndedError();
  const headers = { Authorization: `Bearer ${connection.key}` };
  const position = await readItem("position");
  if (method === "GET" && position) headers["Oncelink-Min-Position"] = position;
  if (key) headers["Idempotency-Key"] = key;
  for (let attempt = 1; ; attempt++) {
    try {
      const response = await sendRequest(connection.server + path, { method, headers, body });
      return await readResponse(response, connection);
    } catch (error) {
      const isTemporary = error instanceof NetworkError || error.status === 503;
      if (!isTemporary || attempt >= maxAttempts) throw error;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MILLISECONDS * attempt));
    }
  }
}

// Sends one request, without the cookies of the pages. Throws NetworkError.
export async function sendRequest(url, { method, headers, body }) {
  const content = body === undefined ? {} : { body: JSON.stringify(body) };
  if (content.body) headers = { ...headers, "Content-Type": "application/json" };
  const signal = AbortSignal.timeout(TIMEOUT_MILLISECONDS);
  try {
    return await fetch(url, { method, headers, signal, credentials: "omit", cache: "no-store", redirect: "error", ...content });
  } catch {
    throw new NetworkError("The server could not be reached.");
  }
}

async function readResponse(response, connection) {
  if (response.status === 401) {
    await endConnection(connection);
    throw new ConnectionEndedError();
  }
  const body = response.status === 204 ? null : await parseBody(response);
  if (!response.ok) throw new ApiError(body, response.status);
  const position = response.headers.get("Oncelink-Position");
  if (position) await writeItem("position", position); // read your writes
  return { body, isReplay: response.headers.get("Idempotent-Replayed") === "true" };
}

// Returns null for an error response without JSON. Throws NetworkError for an incomplete response.
export async function parseBody(response) {
  try {
    return await response.json();
  } catch {
    if (response.ok) throw new NetworkError("The server's answer broke off.");
    return null;
  }
}

// Removes the invalid key and all that it loaded. The address stays, so that the person can connect again.
async function endConnection(connection) {
  if ((await readItem("connection"))?.keyId !== connection.keyId) return;
  await writeItem("ended", { server: connection.server });
  await removeItems("connection", "links", "made", "position");
}
