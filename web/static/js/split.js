// The split button: Copy Link; Copy Single-Use Link makes one and copies it in the same press; for somebody; several.
import { newKey, post, Refused } from "./asking.js";
import { copy, showSelected } from "./clipboard.js";
import { openerOf } from "./menus.js";
import { asCsv, readRecipients, save } from "./recipients.js";
import { say } from "./toasts.js";

const MOST_AT_ONCE = 100;
const unanswered = new Map(); // what was asked for and never answered → its key, for the next press

export function startSplitButtons() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy], [data-single-use], [data-single-use-for], [data-single-use-many]");
    if (!button) return;
    if (button.dataset.copy) return copyLink(button);
    const split = (openerOf(button) ?? button).closest("[data-split]");
    if ("singleUse" in button.dataset) return copySingleUse(split, {}, split);
    openDialog("singleUseFor" in button.dataset ? "single-use-for" : "single-use-many", split);
  });
  document.addEventListener("submit", (event) => {
    if (event.target.matches("[data-single-use-form]")) submitOne(event);
    if (event.target.matches("[data-single-use-many-form]")) submitMany(event);
  });
  document.addEventListener("change", takeFile);
}

async function copyLink(button) {
  const said = button.dataset.said ?? "Copied.";
  if (await copy(button.dataset.copy)) say(said);
  else showSelected(button.dataset.copy, "Your browser did not allow copying. Here is the link:");
}

async function copySingleUse(split, wanted, busy) {
  if (busy.getAttribute("aria-busy") === "true") return false;
  busy.setAttribute("aria-busy", "true");
  const issuing = issue(split.dataset.link, wanted).then(([issued]) => issued);
  try {
    const copied = await copy(issuing.then((issued) => issued.url));
    const issued = await issuing;
    if (copied) say(sentence(issued, "Copied a single-use link"));
    else showSelected(issued.url, sentence(issued, "Made a single-use link") + " Your browser did not allow copying:");
    return true;
  } catch (error) {
    say(reason(error), "error");
    return false;
  } finally {
    busy.removeAttribute("aria-busy");
  }
}

async function issue(link, wanted) {
  const body = { ...wanted, source: "web" };
  const intention = `${link} ${JSON.stringify(body)}`;
  const key = unanswered.get(intention) ?? newKey();
  unanswered.set(intention, key);
  try {
    const { items } = await post(`/v1/links/${link}/single-use`, body, key);
    unanswered.delete(intention);
    return items;
  } catch (error) {
    if (error instanceof Refused) unanswered.delete(intention);
    throw error;
  }
}

function openDialog(id, split) {
  const dialog = document.getElementById(id);
  dialog.querySelector("form[data-form]").reset();
  dialog.querySelectorAll("[data-link-name]").forEach((place) => (place.textContent = split.dataset.name));
  dialog.querySelector("[data-problem]").textContent = "";
  Object.assign(dialog.dataset, { link: split.dataset.link, name: split.dataset.name });
  dialog.showModal();
  dialog.querySelector("form[data-form] :is(input, textarea)").focus();
}

async function submitOne(event) {
  event.preventDefault();
  const form = event.target;
  const dialog = form.closest("dialog");
  const given = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, value.trim()]));
  const recipient = Object.fromEntries(["name", "email"].filter((name) => given[name]).map((name) => [name, given[name]]));
  const wanted = { ...(given.label && { label: given.label }), ...(Object.keys(recipient).length && { recipients: [recipient] }) };
  if (await copySingleUse(dialog, wanted, form)) dialog.close();
}

async function submitMany(event) {
  event.preventDefault();
  const form = event.target;
  const dialog = form.closest("dialog");
  const problem = dialog.querySelector("[data-problem]");
  if (form.getAttribute("aria-busy") === "true") return;
  const { recipients, error } = readRecipients(form.elements.names.value);
  problem.textContent = error ?? "";
  if (error) return;
  form.setAttribute("aria-busy", "true");
  try {
    const label = form.elements.label.value.trim();
    const issued = await issueMany(dialog.dataset.link, recipients, label);
    save(`single-use-links-${new Date().toISOString().slice(0, 10)}.csv`, asCsv(issued));
    say(`Made ${issued.length} single-use links of ${dialog.dataset.name}; each books one meeting. They are in the CSV file.`);
    dialog.close();
  } catch (failure) {
    problem.textContent = reason(failure);
  } finally {
    form.removeAttribute("aria-busy");
  }
}

async function issueMany(link, recipients, label) {
  const issued = [];
  for (let from = 0; from < recipients.length; from += MOST_AT_ONCE) {
    const some = recipients.slice(from, from + MOST_AT_ONCE);
    issued.push(...(await issue(link, { recipients: some, ...(label && { label }) })));
  }
  return issued;
}

async function takeFile(event) {
  const [file] = event.target.matches?.("[data-names-file]") ? event.target.files : [];
  if (file) event.target.form.elements.names.value = await file.text();
}

function sentence(issued, done) {
  const who = issued.recipient?.name ?? issued.recipient?.email;
  const until = issued.expires_at ? `lasts until ${inWords(issued.expires_at)}` : "does not expire by itself";
  const first = `${done}${who ? ` for ${who}` : ""}. It books one meeting and ${until}.`;
  return issued.status === "active" ? first : `${first} It cannot be booked now: the link is ${issued.status}.`;
}

function inWords(instant) {
  const timeZone = document.documentElement.dataset.zone;
  return new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short", timeZone }).format(new Date(instant));
}

function reason(error) {
  return error instanceof Refused ? error.message : "The server could not be reached. Press again: nothing is made twice.";
}
