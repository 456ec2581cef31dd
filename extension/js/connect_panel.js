// The panel that connects to a server: its address, or the code of its page.
import { cancelPairing, finishPairing, parseServerOrigin, startPairing } from "./connection.js";

const $ = (id) => document.getElementById(id);

// `ended` is the connection whose key became invalid; `pairing` is the one in progress.
export function showConnectPanel(ended, pairing) {
  $("connect-title").textContent = ended ? "This connection has ended" : "Connect to your server";
  if (ended) $("connect-lead").textContent = "Its key was revoked or has expired. Connect again to go on.";
  $("server").value ||= ended?.server ?? pairing?.server ?? "";
  const needsCode = Boolean(pairing?.opened);
  $("code-form").hidden = !needsCode;
  $("connect-form").hidden = needsCode;
  $(needsCode ? "code" : "server").focus();
}

export function startConnectPanel(showPanel) {
  $("connect-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    $("connect-problem").textContent = "";
    try {
      const isGranted = await startPairing(parseServerOrigin($("server").value));
      if (!isGranted) throw new Error("Without the permission to reach it the extension cannot connect.");
      await showPanel();
    } catch (error) {
      $("connect-problem").textContent = error.message;
    }
  });
  $("code-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    $("code-problem").textContent = "";
    await finishPairing($("code").value).catch((error) => ($("code-problem").textContent = error.message));
  });
  $("cancel").addEventListener("click", async () => {
    await cancelPairing();
    await showPanel();
  });
}
