// The split button: "Copy Link", and "Copy Single-Use Link" for anybody, for one recipient, or for a list of them.
import { ApiError, createIdempotencyKey, postJson } from "./api_client.js";
import { copyText, showCopyDialog } from "./clipboard.js";
import { clearFieldErrors, showFieldErrors } from "./field_errors.js";
import { findOpener } from "./menus.js";
import { showToast } from "./toasts.js";
import { toInstant } from "./zone_time.js";

const pendingKeys = new Map(); // a request without a response → its idempotency key, for the next attempt

export function startSplitButtons() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy], [data-single-use], [data-single-use-for], [data-single-use-many]");
    if (!button) return;
    if (button.dataset.copy) return copyLink(button);
    const splitButton = (findOpener(button) ?? button).closest("[data-split]");
    if ("singleUse" in button.dataset) return copySingleUseLink(splitButton, {}, splitButton);
    if ("singleUseMany" in button.dataset) return location.assign(`/links/${splitButton.dataset.link}/recipients`);
    openDialog("single-use-for", splitButton);
  });
  document.addEventListener("submit", (event) => {
    if (event.target.matches("[data-single-use-form]")) submitRecipient(event);
  });
}

async function copyLink(button) {
  const message = button.dataset.said ?? "Copied.";
  if (await copyText(button.dataset.copy)) showToast(message);
  else showCopyDialog(button.dataset.copy, "Your browser did not allow copying. Here is the link:");
}

// Returns whether a link was issued. `busyElement` shows the progress and blocks a second click; `showError` gets an error.
async function copySingleUseLink(splitButton, details, busyElement, showError = (error) => showToast(describeError(error), "error")) {
  if (busyElement.getAttribute("aria-busy") === "true") return false;
  busyElement.setAttribute("aria-busy", "true");
  const request = issueLinks(splitButton.dataset.link, details).then(([link]) => link);
  try {
    const isCopied = await copyText(request.then((link) => link.url));
    const link = await request;
    if (isCopied) showToast(describeLink(link, "Copied a single-use link"));
    else showCopyDialog(link.url, describeLink(link, "Made a single-use link") + " Your browser did not allow copying:");
    return true;
  } catch (error) {
    showError(error);
    return false;
  } finally {
    busyElement.removeAttribute("aria-busy");
  }
}

async function issueLinks(linkId, details) {
  const body = { ...details, source: "web" };
  const request = `${linkId} ${JSON.stringify(body)}`;
  const key = pendingKeys.get(request) ?? createIdempotencyKey();
  pendingKeys.set(request, key);
  try {
    const { items } = await postJson(`/v1/links/${linkId}/single-use`, body, key);
    pendingKeys.delete(request);
    return items;
  } catch (error) {
    if (error instanceof ApiError) pendingKeys.delete(request);
    throw error;
  }
}

function openDialog(id, splitButton) {
  const dialog = document.getElementById(id);
  dialog.querySelector("form[data-form]").reset();
  clearFieldErrors(dialog.querySelector("form[data-form]"));
  dialog.querySelectorAll("[data-link-name]").forEach((element) => (element.textContent = splitButton.dataset.name));
  dialog.querySelector("[data-problem]").textContent = "";
  Object.assign(dialog.dataset, { link: splitButton.dataset.link, name: splitButton.dataset.name });
  dialog.showModal();
  dialog.querySelector("form[data-form] :is(input, textarea)").focus();
}

async function submitRecipient(event) {
  event.preventDefault();
  const form = event.target;
  const dialog = form.closest("dialog");
  const fields = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, value.trim()]));
  const recipient = Object.fromEntries(["name", "email"].filter((name) => fields[name]).map((name) => [name, fields[name]]));
  const details = {
    ...(fields.label && { label: fields.label }),
    ...(Object.keys(recipient).length && { recipients: [recipient] }),
    ...(fields.expires_at && { expires_at: toInstant(fields.expires_at, document.documentElement.dataset.zone) }),
    ...(fields.only_recipient && { only_recipient: true }),
    ...(fields.send && { send: true }),
    ...(fields.message && { message: fields.message }),
  };
  clearFieldErrors(form);
  dialog.querySelector("[data-problem]").textContent = "";
  if (await copySingleUseLink(dialog, details, form, (error) => showProblem(form, error))) dialog.close();
}

// Errors stand at their fields; what concerns no field of the form stands at its foot.
function showProblem(form, error) {
  const errors = error instanceof ApiError ? error.problem.errors : null;
  const messages = errors ? showFieldErrors(form, errors) : [describeError(error)];
  form.closest("dialog").querySelector("[data-problem]").textContent = messages.join(" ");
}

function describeLink(link, action) {
  const recipient = link.recipient?.name ?? link.recipient?.email;
  const expiry = link.expires_at ? `lasts until ${formatInstant(link.expires_at)}` : "does not expire by itself";
  const sentence = `${action}${recipient ? ` for ${recipient}` : ""}. It books one meeting and ${expiry}.`;
  return link.status === "active" ? sentence : `${sentence} It cannot be booked now: the link is ${link.status}.`;
}

function formatInstant(instant) {
  const timeZone = document.documentElement.dataset.zone;
  return new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short", timeZone }).format(new Date(instant));
}

function describeError(error) {
  return error instanceof ApiError ? error.message : "The server could not be reached. Press again: nothing is made twice.";
}
