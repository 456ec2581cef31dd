// Keeps what was typed when the session ends while a form is open. It stays in this tab's sessionStorage, for an hour at most,
// without passwords and [data-secret]. It goes back only to the same person, after signing in: in this tab, or in the one that
// the mail opened.
const NAME = "oncelink_kept_form";
const LIFETIME_MILLISECONDS = 3_600_000;
const WAIT_MILLISECONDS = 1_000; // for another tab that has it
const CONTROLS = "input, textarea, select";
const TYPED = "input:not([type=hidden], [type=search]), textarea, select, input[name=message]";
const root = document.documentElement;
let isTyped = false; // whether leaving now would lose something

// Runs before the other scripts start, so that they find what it puts back.
export function restoreKeptForm() {
  const kept = readKept();
  if (!root.dataset.viewer) return kept && waitForSignIn(kept);
  if (kept?.isInterrupted && kept.viewer === root.dataset.viewer) {
    if (!location.pathname.startsWith("/welcome")) putBack(kept);
  } else {
    sessionStorage.removeItem(NAME);
    if (document.referrer.startsWith(`${location.origin}/sign-in/`)) askOtherTabs();
  }
}

export function startKeptForm() {
  if (!root.dataset.viewer) return;
  document.addEventListener("input", ({ target }) => (isTyped ||= Boolean(target.closest("form:not([method=get], [data-filters])"))));
  document.addEventListener("submit", ({ target }) => {
    if (target.action.includes("/sign-out")) forget(); // whoever signs out leaves nothing behind
    else if (target.method === "post") isTyped ||= target.querySelector(TYPED) !== null;
  });
  addEventListener("pagehide", keepPage);
}

// What is kept is forgotten by the next page, unless that is one for signing in.
function keepPage() {
  if (!isTyped) return;
  const dialog = document.querySelector("dialog[open]");
  const kept = {
    viewer: root.dataset.viewer, at: Date.now(), title: document.title, main: copyTyped(document.querySelector("main")),
    dialog: dialog && { id: dialog.id, data: { ...dialog.dataset }, content: copyTyped(dialog) },
  };
  try { sessionStorage.setItem(NAME, JSON.stringify(kept)); } catch { /* the browser denies storage */ }
}

function forget() {
  isTyped = false;
  sessionStorage.removeItem(NAME);
}

// Returns the HTML of an element with the values that its controls have now.
function copyTyped(element) {
  const copy = element.cloneNode(true);
  const controls = [...element.querySelectorAll(CONTROLS)];
  copy.querySelectorAll("[style]").forEach((part) => part.removeAttribute("style")); // where a script put a menu
  copy.querySelectorAll(CONTROLS).forEach((control, index) => writeValue(control, controls[index]));
  copy.querySelectorAll("[data-kept-note], [data-secret]").forEach((part) => part.remove());
  return copy.innerHTML;
}

function writeValue(copy, control) {
  if (control.type === "password" || control.type === "file") copy.removeAttribute("value");
  else if (control.type === "checkbox" || control.type === "radio") copy.toggleAttribute("checked", control.checked);
  else if (control.tagName === "TEXTAREA") copy.textContent = control.value;
  else if (control.tagName === "INPUT") copy.setAttribute("value", control.value);
  else [...copy.options].forEach((option, index) => option.toggleAttribute("selected", control.options[index].selected));
}

function readKept() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(NAME));
    return kept && Date.now() - kept.at < LIFETIME_MILLISECONDS ? kept : null;
  } catch {
    return null;
  }
}

function putBack(kept) {
  sessionStorage.removeItem(NAME);
  fill(document.querySelector("main"), kept.main);
  document.title = kept.title;
  const dialog = kept.dialog && document.getElementById(kept.dialog.id);
  if (dialog) {
    fill(dialog, kept.dialog.content);
    Object.assign(dialog.dataset, kept.dialog.data);
    dialog.showModal();
  }
  isTyped = true;
  (dialog?.querySelector("[data-form], [data-question-body]") ?? document.querySelector("main")).prepend(createNote());
}

function createNote() {
  const note = document.createElement("p");
  note.className = "notice notice-info mb-6";
  note.dataset.keptNote = "";
  note.setAttribute("role", "status");
  note.textContent = "You are signed in again. What you typed is here as it was; nothing of it was saved yet.";
  return note;
}

function fill(element, html) {
  element.replaceChildren(...new DOMParser().parseFromString(html, "text/html").body.childNodes);
}

// On a page for signing in: says that it is kept, and gives it to the tab where the same person signs in.
function waitForSignIn(kept) {
  sessionStorage.setItem(NAME, JSON.stringify({ ...kept, isInterrupted: true }));
  document.querySelector("[data-kept]")?.removeAttribute("hidden");
  const channel = new BroadcastChannel(NAME);
  channel.onmessage = ({ data }) => {
    if (data.viewer !== kept.viewer || !readKept()) return;
    channel.postMessage({ kept: readKept() });
    sessionStorage.removeItem(NAME);
    const note = document.querySelector("[data-kept]");
    if (note) note.textContent = "You went on in another tab, with what you typed.";
  };
}

function askOtherTabs() {
  const channel = new BroadcastChannel(NAME);
  channel.onmessage = ({ data }) => {
    if (data.kept?.viewer !== root.dataset.viewer) return;
    sessionStorage.setItem(NAME, JSON.stringify(data.kept));
    location.reload();
  };
  channel.postMessage({ viewer: root.dataset.viewer });
  setTimeout(() => channel.close(), WAIT_MILLISECONDS);
}
