// Undo: a form sent by a button[data-undo-action] is held back for ten seconds. Only then, or at once when the page closes, is
// the command sent; so the log never has what was undone.
import { updateBulkBar } from "./bulk.js";
import { showToast } from "./toasts.js";

const UNDO_SECONDS = 10;
let held = null; // {form, button, action, body, rows, toast, timer}

export function startUndo() {
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (!button?.dataset.undoAction) return;
    event.preventDefault();
    holdForm(event.target, button);
  });
  addEventListener("pagehide", () => sendHeldForm(true));
  addEventListener("pageshow", (event) => event.persisted && location.reload());
}

async function holdForm(form, button) {
  const body = new URLSearchParams(new FormData(form, button));
  const count = body.getAll("ids").length;
  const noun = form.dataset.bulk;
  const message = button.dataset.undoSaid.replace("{n}", `${count} ${count === 1 ? noun.replace(/s$/, "") : noun}`);
  const earlier = sendHeldForm(true);
  const rows = [...form.querySelectorAll("input[name=ids]:checked")].map((tick) => tick.closest("tr"));
  held = { form, button, action: button.dataset.undoAction, body, rows };
  markRows(rows, true);
  form.inert = !rows.length; // a question: nothing in it changes what is sent
  if (rows.length) updateBulkBar(form);
  await earlier;
  held.toast = showToast(message, "undo", { label: "Undo", run: releaseHeldForm });
  held.timer = setTimeout(() => sendHeldForm(false), UNDO_SECONDS * 1000);
}

function markRows(rows, isHeld) {
  for (const row of rows) {
    row.classList.toggle("row-held", isHeld);
    const tick = row.querySelector("input[name=ids]");
    tick.disabled = isHeld;
    tick.checked = !isHeld;
  }
}

function releaseHeldForm() {
  if (!held) return;
  const { form, button, rows } = held;
  forgetHeldForm();
  markRows(rows, false);
  form.inert = false;
  if (rows.length) updateBulkBar(form);
  showToast("Undone. Nothing was changed.");
  button.focus();
}

function forgetHeldForm() {
  clearTimeout(held.timer);
  held.toast?.remove();
  held = null;
}

// `keepalive` lets the request outlive the page. Cookies and Origin go with it as with any form.
async function sendHeldForm(isLeaving) {
  if (!held) return;
  const { form, action, body, rows } = held;
  forgetHeldForm();
  const headers = { "HX-Request": "true" }; // whose session has ended is told so, instead of being redirected
  const request = { method: "POST", body, headers, keepalive: true, redirect: "manual" };
  const response = await fetch(action, request).catch(() => null);
  if (isLeaving) return;
  if (response?.headers.get("HX-Redirect")) return location.assign(response.headers.get("HX-Redirect"));
  if (response?.type === "opaqueredirect") return location.assign(body.get("back")); // which says what was done
  markRows(rows, false);
  form.inert = false;
  if (!response) return showToast("The server could not be reached. Press again: nothing is done twice.", "error");
  form.action = action;
  form.submit(); // the server renders the reason
}
