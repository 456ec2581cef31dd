// Messages of the popup, and their texts.
const VISIBLE_MILLISECONDS = 6000;

export function showToast(message) {
  const toast = document.createElement("p");
  toast.className = "toast";
  toast.textContent = message;
  document.getElementById("toasts").replaceChildren(toast);
  setTimeout(() => toast.remove(), VISIBLE_MILLISECONDS);
}

export function showBar(message) {
  const bar = document.getElementById("bar");
  bar.textContent = message;
  bar.hidden = false;
}

export function formatInstant(instant) {
  return new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" }).format(new Date(instant));
}

export function describeLink(link, action) {
  const recipient = link.recipient?.name ?? link.recipient?.email;
  const expiry = link.expires_at ? `lasts until ${formatInstant(link.expires_at)}` : "does not expire by itself";
  const sentence = `${action}${recipient ? ` for ${recipient}` : ""}. It books one meeting and ${expiry}.`;
  return link.status === "active" ? sentence : `${sentence} It cannot be booked now: the link is ${link.status}.`;
}
