// Sends the booking, and shows what is wrong with it. Without this module the browser submits the form, which does the same.
import { openMonth, setSending, showMessage, showTimes } from "./book.js";
import { buildUrl, findParts, form, root, state, toDay } from "./times.js";

const RETRY_MILLISECONDS = [500, 1000, 2000, 4000, 8000, 0];
const PROOF_MILLISECONDS = 8 * 60_000; // a challenge is valid for ten minutes
const proof = { promise: null, startedAt: 0 };

export async function submitBooking() {
  if (root.dataset.challenge && !(await solveProof())) return form.submit(); // the server mails a code instead
  await handleResponse(await sendBooking());
}

// Returns the solution of a challenge, null if this browser finds none. The work begins when this module is loaded.
async function solveProof() {
  if (!proof.promise || Date.now() - proof.startedAt > PROOF_MILLISECONDS) {
    proof.startedAt = Date.now();
    proof.promise = import("./proof.js").then(({ solveChallenge }) => solveChallenge(root.dataset.challenge)).catch(() => null);
  }
  return proof.promise;
}

if (root.dataset.challenge) solveProof();

// Returns the response, or null if the server did not answer. Every attempt has the same idempotency key.
async function sendBooking() {
  const fields = new FormData(form);
  const guest = { name: fields.get("name"), email: fields.get("email"), time_zone: state.zone };
  const request = {
    method: "POST",
    headers: { "Content-Type": "application/json", "Idempotency-Key": fields.get("key") },
    body: JSON.stringify({
      start: fields.get("start"), guest, notes: fields.get("notes").trim() || null, answers: readAnswers(fields),
      proof_of_work: await proof.promise,
    }),
  };
  for (const pause of RETRY_MILLISECONDS) {
    const response = await fetch(root.dataset.books, request).catch(() => null);
    if (response && response.status !== 503) return response;
    showMessage("The connection is slow. We keep trying; nothing is booked twice.");
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
  return null;
}

// The answers as the server reads them from the form, so that a request that is repeated either way is the same.
function readAnswers(fields) {
  const answers = {};
  for (const [key, kind] of (fields.get("asked")?.trim().split(" ") ?? []).map((pair) => pair.split(":"))) {
    const values = fields.getAll(`q_${key}`).map((value) => value.trim()).filter(Boolean);
    if (values.length) answers[key] = kind === "many_of" ? values : kind === "tick" || toAnswer(kind, values[0]);
  }
  return answers;
}

const toAnswer = (kind, text) => (kind === "number" && /^[+-]?\d{1,15}([.,]\d{1,10})?$/.test(text) ? Number(text.replace(",", ".")) : text);

async function handleResponse(response) {
  const body = await response?.json().catch(() => null);
  if (response?.status === 201) {
    state.isBooked = true;
    return location.replace(`${new URL(body.manage_url).pathname}?done=booked`);
  }
  if (!response) {
    setSending(false);
    return showMessage("We got no answer. Please press the button again: nothing is booked twice.");
  }
  const invalidFields = new Set((body?.errors ?? []).map(findFieldName));
  if (body?.code === "slot_taken" || body?.code === "slot_not_offered") return returnToTimes(body.detail);
  if (body?.code === "not_the_recipient") return showErrors(body.errors);
  const knownFields = new Set([...findParts("error")].map((element) => element.dataset.error));
  if (body?.code === "invalid" && [...invalidFields].every((name) => knownFields.has(name))) return showErrors(body.errors);
  if (response.status === 429) {
    setSending(false);
    return showMessage(body?.detail ?? "That was a little fast. Please press the button again in a minute.");
  }
  return form.submit(); // the server renders the reason
}

const findFieldName = ({ field }) => (field.startsWith("answers.") ? field.replace("answers.", "q_") : field.split(".").pop());

// The chosen time is gone: shows the times again, with the reason.
async function returnToTimes(reason) {
  setSending(false);
  const day = toDay(state.start ?? Date.parse(new FormData(form).get("start")) / 60_000);
  state.months.delete(state.month);
  history.replaceState(null, "", buildUrl());
  showTimes();
  await openMonth(day.slice(0, 7), day);
  showMessage(reason);
}


function showErrors(errors) {
  setSending(false);
  for (const element of findParts("error")) {
    const name = element.dataset.error;
    const error = errors.find((one) => findFieldName(one) === name);
    element.hidden = !error;
    element.querySelector("span").textContent = error?.message ?? "";
    for (const control of form.querySelectorAll(`[name="${name}"]`)) {
      (control.closest("[role=radiogroup]") ?? control).setAttribute("aria-invalid", Boolean(error));
    }
  }
  form.querySelector("[aria-invalid=true]:not(fieldset), [aria-invalid=true] input")?.focus();
}
