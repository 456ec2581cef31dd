// Copying, and saying what was done.
const SHOWN = 6000;

// Whether the text is on the clipboard; where the browser refuses, it is shown selected, to be copied by hand.
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const dialog = document.getElementById("by-hand");
    const field = dialog.querySelector("textarea");
    field.value = text;
    dialog.showModal();
    field.select();
    return false;
  }
}

export function say(sentence) {
  const toast = document.createElement("p");
  toast.className = "toast";
  toast.textContent = sentence;
  document.getElementById("toasts").replaceChildren(toast);
  setTimeout(() => toast.remove(), SHOWN);
}

export function inWords(instant) {
  return new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" }).format(new Date(instant));
}

export function about(made, done) {
  const who = made.recipient?.name ?? made.recipient?.email;
  const until = made.expires_at ? `lasts until ${inWords(made.expires_at)}` : "does not expire by itself";
  const first = `${done}${who ? ` for ${who}` : ""}. It books one meeting and ${until}.`;
  return made.status === "active" ? first : `${first} It cannot be booked now: the link is ${made.status}.`;
}
