// Short messages at the bottom, read out by screen readers; they go by themselves unless somebody is reading them.
const SECONDS = 9;

export function startToasts() {
  document.addEventListener("click", (event) => {
    event.target.closest("[data-toast-close]")?.closest("[data-toast]").remove();
  });
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
  const place = toasts();
  while (place.children.length > 2) place.firstElementChild.remove();
  place.append(item);
  leaveLater(item);
}

// The place for messages, inside the dialog on top while there is one: what is behind it cannot be seen or heard.
function toasts() {
  const place = document.getElementById("toasts");
  const dialog = [...document.querySelectorAll("dialog:modal")].at(-1);
  if (dialog && place.parentElement !== dialog) {
    dialog.append(place);
    dialog.addEventListener("close", () => document.body.append(place), { once: true });
  }
  return place;
}

function leaveLater(item) {
  setTimeout(() => (item.matches(":hover, :focus-within") ? leaveLater(item) : item.remove()), SECONDS * 1000);
}
