// Copies a text. It may be a promise: browsers allow copying only within the click, so the write starts before the text is there.

// Returns whether the text was copied. Throws the error of the promise.
export async function copyText(text) {
  const promise = Promise.resolve(text);
  promise.catch(() => {});
  const isCopied = await writeToClipboard(promise);
  await promise;
  return isCopied;
}

async function writeToClipboard(promise) {
  try {
    if (window.ClipboardItem && navigator.clipboard?.write) {
      const blob = promise.then((text) => new Blob([text], { type: "text/plain" }));
      blob.catch(() => {});
      await navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })]);
      return true;
    }
  } catch {
    // older browsers accept no promise: use writeText below
  }
  try {
    await navigator.clipboard.writeText(await promise);
    return true;
  } catch {
    return false;
  }
}

// Shows a text that could not be copied. It is selected, so that the person copies it by hand.
export function showCopyDialog(text, message) {
  const dialog = document.getElementById("copy-by-hand");
  dialog.querySelector("[data-about]").textContent = message;
  const field = dialog.querySelector("textarea");
  field.value = text;
  field.rows = Math.min(10, text.split("\n").length);
  dialog.showModal();
  field.focus();
  field.select();
}
