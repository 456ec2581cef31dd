// Dialogs: [data-opens=ID] opens a dialog of the page; a[data-question] loads its page and shows it as a dialog.
export function startDialogs() {
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener) document.getElementById(opener.dataset.opens).showModal();
    const link = event.target.closest("a[data-question]");
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      openQuestion(link.href, "keepsAddress" in link.dataset);
    }
    if (event.target.closest("[data-closes]")) closeDialog(event);
    if (event.target instanceof HTMLDialogElement && isOnBackdrop(event)) event.target.close();
  });
}

function closeDialog(event) {
  const dialog = event.target.closest("dialog");
  if (!dialog) return;
  event.preventDefault();
  dialog.close();
}

// Goes to the page itself if it cannot be shown as a dialog.
async function openQuestion(url, hasOwnAddress) {
  const response = await fetch(url, { headers: { Accept: "text/html" } }).catch(() => null);
  const page = response?.ok ? new DOMParser().parseFromString(await response.text(), "text/html") : null;
  const question = page?.querySelector("[data-question-body]");
  const dialog = document.getElementById("question");
  if (!question || !dialog) return location.assign(url);
  dialog.querySelector("[data-question-place]").replaceChildren(question);
  window.htmx?.process(question);
  const title = question.querySelector("h1");
  title.id = "question-title";
  if (!dialog.open) dialog.showModal();
  (question.querySelector("[data-closes]") ?? question.querySelector("a, button"))?.focus(); // never the button that destroys
  if (hasOwnAddress) showAddressOf(dialog, url);
}

// Shows the dialog's own address while it is open, so that it can be reloaded and shared.
function showAddressOf(dialog, url) {
  const pageUrl = location.href;
  history.replaceState(history.state, "", url);
  dialog.addEventListener("close", () => history.replaceState(history.state, "", pageUrl), { once: true });
}

function isOnBackdrop(event) {
  const box = event.target.getBoundingClientRect();
  return event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom;
}
