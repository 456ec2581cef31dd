// Dialogs: [data-opens=ID] opens one that is in the page; a[data-question] shows a page that asks, as a dialog.
export function startDialogs() {
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener) document.getElementById(opener.dataset.opens).showModal();
    const question = event.target.closest("a[data-question]");
    if (question && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      ask(question.href);
    }
    if (event.target.closest("[data-closes]")) closeAround(event);
    if (event.target instanceof HTMLDialogElement && isOutside(event)) event.target.close();
  });
}

function closeAround(event) {
  const dialog = event.target.closest("dialog");
  if (!dialog) return;
  event.preventDefault();
  dialog.close();
}

async function ask(address) {
  const answer = await fetch(address, { headers: { Accept: "text/html" } }).catch(() => null);
  const page = answer?.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
  const question = page?.querySelector("[data-question-body]");
  const dialog = document.getElementById("question");
  if (!question || !dialog) return location.assign(address);
  dialog.querySelector("[data-question-place]").replaceChildren(question);
  const title = question.querySelector("h1");
  title.id = "question-title";
  dialog.showModal();
  question.querySelector("button:not([data-closes])")?.focus();
}

function isOutside(event) {
  const box = event.target.getBoundingClientRect();
  return event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom;
}
