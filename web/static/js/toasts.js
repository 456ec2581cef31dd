// Toasts: short messages at the bottom that screen readers announce. They disappear unless somebody points at them.
const VISIBLE_SECONDS = 9;

export function startToasts() {
  document.addEventListener("click", (event) => {
    event.target.closest("[data-toast-close]")?.closest("[data-toast]").remove();
  });
  document.addEventListener("close", () => document.body.append(document.getElementById("toasts")), true);
  document.querySelectorAll("[data-toast]").forEach(scheduleRemoval);
}

// Returns the toast. One with an `action` ({label, run}) stays until it is removed.
export function showToast(message, kind = "done", action = null) {
  const toast = createToast(message, kind, action);
  const region = document.getElementById("toasts");
  const dialog = [...document.querySelectorAll("dialog:modal")].at(-1);
  if (dialog) dialog.append(region); // everything outside of an open dialog is inert
  while (region.children.length > 2) region.firstElementChild.remove();
  region.append(toast);
  if (!action) scheduleRemoval(toast);
  return toast;
}

function createToast(message, kind, action) {
  const toast = document.createElement("div");
  toast.className = "toast-item";
  toast.dataset.toast = kind;
  const text = document.createElement("span");
  text.textContent = message;
  const button = document.createElement("button");
  button.type = "button";
  if (action) {
    button.className = "toast-action";
    button.textContent = action.label;
    button.addEventListener("click", action.run);
  } else {
    button.dataset.toastClose = "";
    button.setAttribute("aria-label", "Close this message");
    button.textContent = "✕";
  }
  toast.append(text, button);
  return toast;
}

function scheduleRemoval(toast) {
  setTimeout(() => (toast.matches(":hover, :focus-within") ? scheduleRemoval(toast) : toast.remove()), VISIBLE_SECONDS * 1000);
}
