// Copies a text.

// Returns whether the text was copied. If not, a dialog shows it selected, so that the person copies it by hand.
export async function copyText(text) {
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
