// The last ten single-use links that the person made: to copy again, or to revoke.
import { copy, inWords, say } from "./copying.js";
import { revoke } from "./issuing.js";
import { refreshMade } from "./links.js";

const SURE = 4000;
const STATES = { active: "Active", booked: "Booked", expired: "Expired", revoked: "Revoked", disabled: "Disabled", deleted: "Deleted" };
const $ = (id) => document.getElementById(id);
let shown = [];

export function showMade(rows) {
  shown = rows;
  $("made-rows").replaceChildren(...rows.map(rowOf));
  $("nothing-made").hidden = rows.length > 0;
}

function rowOf(made) {
  const row = $("made-row").content.firstElementChild.cloneNode(true);
  const who = made.recipient?.name ?? made.recipient?.email;
  const name = `${made.link.name}${who ? `, for ${who}` : ""}`;
  row.dataset.made = made.id;
  row.querySelector(".name").textContent = who ? `For ${who}` : made.link.name;
  row.querySelector(".sub").textContent = `${who ? `${made.link.name} · ` : ""}${inWords(made.issued_at)}`;
  Object.assign(row.querySelector(".pill"), { textContent: STATES[made.status] ?? made.status }).dataset.status = made.status;
  const [again, end] = row.querySelectorAll("button");
  again.setAttribute("aria-label", `Copy again: ${name}`);
  end.setAttribute("aria-label", `Revoke ${name}`);
  again.hidden = !made.url || ["booked", "revoked"].includes(made.status);
  end.hidden = ["booked", "revoked"].includes(made.status);
  return row;
}

export function startMade(failed) {
  $("made-rows").addEventListener("click", async (event) => {
    const button = event.target.closest("button");
    const made = shown.find((one) => one.id === button?.closest("[data-made]").dataset.made);
    if (!made) return;
    if (button.dataset.act === "copy") {
      if (await copy(made.url)) say("Copied the single-use link again.");
      return;
    }
    if (!("sure" in button.dataset)) return askFirst(button);
    button.setAttribute("aria-busy", "true");
    try {
      await revoke(made.id);
      showMade(await refreshMade());
      say("Revoked. The link books nothing any more.");
    } catch (error) {
      button.removeAttribute("aria-busy");
      failed(error);
    }
  });
}

// Revoking is for good, so it takes a second press.
function askFirst(button) {
  const before = button.getAttribute("aria-label");
  button.dataset.sure = "";
  button.textContent = "Really revoke";
  button.setAttribute("aria-label", `Really r${before.slice(1)}`);
  setTimeout(() => {
    delete button.dataset.sure;
    button.textContent = "Revoke";
    button.setAttribute("aria-label", before);
  }, SURE);
}
