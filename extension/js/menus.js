// Menus behind a button: arrows, Home, End, Escape; the focus goes back to the button.
let opener = null;

export function openerOf(menu) {
  return menu.matches(":popover-open") ? opener : null;
}

export function toggle(button, menu) {
  const again = openerOf(menu) === button;
  closeAll();
  if (again) return;
  opener = button;
  button.setAttribute("aria-expanded", "true");
  menu.showPopover();
  place(button, menu);
  items(menu)[0].focus();
}

export function closeAll() {
  for (const menu of document.querySelectorAll("[popover]:popover-open")) menu.hidePopover();
  opener?.setAttribute("aria-expanded", "false");
}

function items(menu) {
  return [...menu.querySelectorAll("[role=menuitem]:not([hidden])")];
}

function place(button, menu) {
  const at = button.getBoundingClientRect();
  const below = at.bottom + 6;
  const fits = below + menu.offsetHeight < innerHeight;
  menu.style.top = `${Math.max(6, fits ? below : at.top - 6 - menu.offsetHeight)}px`;
  menu.style.left = `${Math.max(6, at.right - menu.offsetWidth)}px`;
}

export function startMenus(onClose) {
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[popover], [aria-haspopup=menu]")) closeAll();
  });
  document.addEventListener("keydown", (event) => {
    const menu = document.querySelector("[popover]:popover-open");
    if (!menu) return;
    const all = items(menu);
    const at = all.indexOf(document.activeElement);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (next !== undefined) all.at(next % all.length).focus();
    else if (event.key === "Escape") onClose(opener);
    else if (event.key !== "Tab") return;
    if (next === undefined) closeAll();
    event.preventDefault();
    event.stopPropagation();
  }, true);
}
