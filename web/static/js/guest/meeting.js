// A booking's own page: copies its address. Without this module the address can be selected and copied by hand.
const button = document.querySelector("[data-copies]");

async function copyAddress() {
  const field = document.getElementById(button.dataset.copies);
  const status = document.querySelector("[data-copied]");
  try {
    await navigator.clipboard.writeText(field.value);
    status.textContent = "Copied.";
  } catch {
    field.select(); // the browser may deny it
    status.textContent = "It is selected: press Ctrl+C, or ⌘C on a Mac.";
  }
}

if (button) {
  button.hidden = false;
  button.addEventListener("click", copyAddress);
}
