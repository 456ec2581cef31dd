// Asking the JSON API: one idempotency key for each intention, so that a reply that was lost never makes two of a thing.
const TRIES = 3;
const PAUSE = 700;

export class Refused extends Error {
  constructor(problem) {
    super(problem.detail ?? "Something went wrong.");
    this.problem = problem;
  }
}

export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(18));
  return btoa(String.fromCharCode(...bytes)).replace(/[+/]/g, "-");
}

// The answer's body. Throws Refused with the problem, or TypeError when the server was not reached in a few tries.
export async function post(path, body, key) {
  for (let attempt = 1; ; attempt++) {
    try {
      const answer = await fetch(path, {
        method: "POST",
        headers: { "Content-Type": "application/json", "Idempotency-Key": key },
        body: JSON.stringify(body),
      });
      if (answer.status === 503 && attempt < TRIES) throw new TypeError("try again");
      return await read(answer);
    } catch (error) {
      if (!(error instanceof TypeError) || attempt >= TRIES) throw error;
      await new Promise((done) => setTimeout(done, PAUSE * attempt));
    }
  }
}

async function read(answer) {
  if (answer.status === 401) location.assign("/sign-in?next=" + encodeURIComponent(location.pathname + location.search));
  const body = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw new Refused(body);
  const position = answer.headers.get("Oncelink-Position");
  if (position) document.cookie = `oncelink_position=${position}; path=/; samesite=lax; max-age=20`; // read your writes
  return body;
}
