// Copying: also of a text that is still on its way, within the press that asked for it (browsers allow no later one).

// Whether the text was copied; the text's own failure is thrown.
export async function copy(text) {
  const coming = Promise.resolve(text);
  coming.catch(() => {});
  const done = await write(coming);
  await coming;
  return done;
}

async function write(coming) {
  try {
    if (window.ClipboardItem && navigator.clipboard?.write) {
      const blob = coming.then((text) => new Blob([text], { type: "text/plain" }));
      blob.catch(() => {});
      await navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })]);
      return true;
    }
  } catch {
    // an older browser takes no promise: try the plain way below
  }
  try {
    await navigator.clipboard.writeText(await coming);
    return true;
  } catch {
    return false;
  }
}

// Shows what could not be copied, selected, to be copied by hand.
export function showSelected(text, about) {
  const dialog = document.getElementById("copy-by-hand");
  dialog.querySelector("[data-about]").textContent = about;
  const field = dialog.querySelector("textarea");
  field.value = text;
  field.rows = Math.min(10, text.split("\n").length);
  dialog.showModal();
  field.focus();
  field.select();
}
