// Solves the challenge of a link that asks for a proof of work, in the format of ALTCHA, version 2.
const AT_ONCE = 8; // keys that are derived at the same time, in the browser's own threads

// Returns what the booking sends in `proof_of_work`.
export async function solveChallenge(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(response.status);
  const challenge = await response.json();
  for (let first = 0; ; first += AT_ONCE) {
    const counters = Array.from({ length: AT_ONCE }, (_, index) => first + index);
    const keys = await Promise.all(counters.map((counter) => deriveKey(challenge.parameters, counter)));
    const found = keys.findIndex((key) => key.startsWith(challenge.parameters.keyPrefix));
    if (found >= 0) return btoa(JSON.stringify({ challenge, solution: { counter: counters[found], derivedKey: keys[found] } }));
  }
}

async function deriveKey({ nonce, salt, cost, keyLength }, counter) {
  const bytes = parseHex(nonce);
  const password = new Uint8Array(bytes.length + 4);
  password.set(bytes);
  new DataView(password.buffer).setUint32(bytes.length, counter);
  const key = await crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
  const algorithm = { name: "PBKDF2", hash: "SHA-256", salt: parseHex(salt), iterations: cost };
  return formatHex(new Uint8Array(await crypto.subtle.deriveBits(algorithm, key, 8 * keyLength)));
}

const parseHex = (text) => Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));
const formatHex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
