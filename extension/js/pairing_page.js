// Runs on the server's page while the extension is connecting. Sends the one-time code of the page to the worker.
(async () => {
  const code = document.querySelector("[data-pairing-code]")?.textContent.trim();
  const state = document.querySelector("[data-pairing-state]");
  if (!code || !state) return;
  const { connected: isConnected, sentence } = await chrome.runtime.sendMessage({ kind: "code", code });
  state.textContent = sentence;
  if (isConnected) state.nextElementSibling?.remove(); // the used code
})();
