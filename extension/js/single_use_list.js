// The list of the last single-use links of the person, each to copy again or to revoke.
import { copyText } from "./clipboard.js";
import { formatInstant, showToast } from "./messages.js";
import { refreshSingleUseLinks, revokeLink } from "./single_use_links.js";

const CONFIRM_MILLISECONDS = 4000;
const STATUSES = { active: "Active", booked: "Booked", expired: "Expired", revoked: "Revoked", disabled: "Disabled", deleted: "Deleted" };
const $ = (id) => document.getElementById(id);
let visibleLinks = [];

export function showSingleUseLinks(links) {
  visibleLinks = links;
  $("made-rows").replaceChildren(...links.map(createRow));
  $("nothing-made").hidden = links.length > 0;
}

function createRow(link) {
  const row = $("made-row").content.firstElementChild.cloneNode(true);
  const recipient = link.recipient?.name ?? link.recipient?.email;
  const label = `${link.link.name}${recipient ? `, for ${recipient}` : ""}`;
  row.dataset.made = link.id;
  row.querySelector(".name").textContent = recipient ? `For ${recipient}` : link.link.name;
  row.querySelector(".sub").textContent = `${recipient ? `${link.link.name} · ` : ""}${formatInstant(link.issued_at)}`;
  Object.assign(row.querySelector(".pill"), { textContent: STATUSES[link.status] ?? link.status }).dataset.status = link.status;
  const [copyButton, revokeButton] = row.querySelectorAll("button");
  copyButton.setAttribute("aria-label", `Copy again: ${label}`);
  revokeButton.setAttribute("aria-label", `Revoke ${label}`);
  copyButton.hidden = !link.url || ["booked", "revoked"].includes(link.status);
  revokeButton.hidden = ["booked", "revoked"].includes(link.status);
  return row;
}

export function startSingleUseList(reportError) {
  $("made-rows").addEventListener("click", async (event) => {
    const button = event.target.closest("button");
    const link = visibleLinks.find((one) => one.id === button?.closest("[data-made]").dataset.made);
    if (!link) return;
    if (button.dataset.act === "copy") {
      if (await copyText(link.url)) showToast("Copied the single-use link again.");
      return;
    }
    if (!("sure" in button.dataset)) return requestConfirmation(button);
    button.setAttribute("aria-busy", "true");
    try {
      await revokeLink(link.id);
      showSingleUseLinks(await refreshSingleUseLinks());
      showToast("Revoked. The link books nothing any more.");
    } catch (error) {
      button.removeAttribute("aria-busy");
      reportError(error);
    }
  });
}

// A revocation cannot be undone, so it takes a second click.
function requestConfirmation(button) {
  const label = button.getAttribute("aria-label");
  button.dataset.sure = "";
  button.textContent = "Really revoke";
  button.setAttribute("aria-label", `Really r${label.slice(1)}`);
  setTimeout(() => {
    delete button.dataset.sure;
    button.textContent = "Revoke";
    button.setAttribute("aria-label", label);
  }, CONFIRM_MILLISECONDS);
}
