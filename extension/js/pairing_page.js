// Runs on the page where the person agrees, while the extension is connecting: hands its one-time code to the worker.
(async () => {
  const code = document.querySelector("[data-pairing-code]")?.textContent.trim();
  const state = document.querySelector("[data-pairing-state]");
  if (!code || !state) return;
  const { connected, sentence } = await chrome.runtime.sendMessage({ kind: "code", code });
  state.textContent = sentence;
  if (connected) state.nextElementSibling?.remove(); // the code, which is used
})();
