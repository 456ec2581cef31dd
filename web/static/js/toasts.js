// Short messages at the bottom, read out by screen readers; they go by themselves unless somebody is reading them.
const SECONDS = 9;

export function startToasts() {
  document.addEventListener("click", (event) => {
    event.target.closest("[data-toast-close]")?.closest("[data-toast]").remove();
  });
  document.addEventListener("close", () => document.body.append(document.getElementById("toasts")), true);
  document.querySelectorAll("[data-toast]").forEach(leaveLater);
}

export function say(sentence, kind = "done") {
  const item = document.createElement("div");
  item.className = "toast-item";
  item.dataset.toast = kind;
  const words = document.createElement("span");
  words.textContent = sentence;
  const close = document.createElement("button");
  close.type = "button";
  close.dataset.toastClose = "";
  close.setAttribute("aria-label", "Close this message");
  close.textContent = "✕";
  item.append(words, close);
  const place = document.getElementById("toasts");
  const dialog = [...document.querySelectorAll("dialog:modal")].at(-1);
  if (dialog) dialog.append(place); // what is beside an open dialog is neither seen nor read out
  while (place.children.length > 2) place.firstElementChild.remove();
  place.append(item);
  leaveLater(item);
}

function leaveLater(item) {
  setTimeout(() => (item.matches(":hover, :focus-within") ? leaveLater(item) : item.remove()), SECONDS * 1000);
}
