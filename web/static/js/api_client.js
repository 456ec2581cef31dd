// Calls the JSON API. Each intention has one idempotency key, so a lost response never creates anything twice.
import { setCookie } from "./cookies.js";

const MAX_ATTEMPTS = 3;
const RETRY_MILLISECONDS = 700;

// An error response; `problem` is its body (RFC 9457).
export class ApiError extends Error {
  constructor(problem) {
    super(problem.detail ?? "Something went wrong.");
    this.problem = problem;
  }
}

export function createIdempotencyKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(18));
  return btoa(String.fromCharCode(...bytes)).replace(/[+/]/g, "-");
}

// Returns the body of the response. Throws ApiError for an error response, TypeError if no attempt reached the server.
export async function postJson(path, body, key) {
  for (let attempt = 1; ; attempt++) {
    try {
      const response = await fetch(path, {
        method: "POST",
        headers: { "Content-Type": "application/json", "Idempotency-Key": key },
        body: JSON.stringify(body),
      });
      if (response.status === 503 && attempt < MAX_ATTEMPTS) throw new TypeError("try again");
      return await readResponse(response);
    } catch (error) {
      if (!(error instanceof TypeError) || attempt >= MAX_ATTEMPTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MILLISECONDS * attempt));
    }
  }
}

async function readResponse(response) {
  if (response.status === 401) location.assign("/sign-in?unsaved=true&next=" + encodeURIComponent(location.pathname + location.search));
  const body = response.status === 204 ? null : await response.json();
  if (!response.ok) throw new ApiError(body);
  const position = response.headers.get("Oncelink-Position");
  if (position) setCookie("oncelink_position", position, 20); // read your writes
  return body;
}
