// "Copy e-mail snippet": rich text for mail programs, plain text for everything else.
import { showCopyDialog } from "./clipboard.js";
import { showToast } from "./toasts.js";

export function startSnippets() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-snippet]");
    if (button) copySnippet(button.dataset.snippet);
  });
}

// The write starts within the click, before the snippet is there.
async function copySnippet(path) {
  const snippet = fetch(path).then((response) => (response.ok ? response.json() : Promise.reject(new Error("refused"))));
  const toBlob = (type, field) => snippet.then((texts) => new Blob([texts[field]], { type }));
  try {
    await navigator.clipboard.write([new ClipboardItem({ "text/html": toBlob("text/html", "html"), "text/plain": toBlob("text/plain", "text") })]);
    showToast("Copied the link with its next free times. Paste it into your e-mail.");
  } catch {
    const texts = await snippet.catch(() => null);
    if (texts) showCopyDialog(texts.text, "Your browser did not allow copying. Here is the text:");
    else showToast("The snippet could not be made. Please try again.", "error");
  }
}
