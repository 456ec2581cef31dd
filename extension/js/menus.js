// Menus of buttons. Keys: arrows, Home, End, Escape. Closing returns the focus to the button.
let openerButton = null;

export function findOpener(menu) {
  return menu.matches(":popover-open") ? openerButton : null;
}

export function toggleMenu(button, menu) {
  const isOpen = findOpener(menu) === button;
  closeMenus();
  if (isOpen) return;
  openerButton = button;
  button.setAttribute("aria-expanded", "true");
  menu.showPopover();
  positionMenu(button, menu);
  listItems(menu)[0].focus();
}

export function closeMenus() {
  for (const menu of document.querySelectorAll("[popover]:popover-open")) menu.hidePopover();
  openerButton?.setAttribute("aria-expanded", "false");
}

function listItems(menu) {
  return [...menu.querySelectorAll("[role=menuitem]:not([hidden])")];
}

// Below the button, or above it where there is no room below.
function positionMenu(button, menu) {
  const box = button.getBoundingClientRect();
  const below = box.bottom + 6;
  const fits = below + menu.offsetHeight < innerHeight;
  menu.style.top = `${Math.max(6, fits ? below : box.top - 6 - menu.offsetHeight)}px`;
  menu.style.left = `${Math.max(6, box.right - menu.offsetWidth)}px`;
}

export function startMenus(onEscape) {
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[popover], [aria-haspopup=menu]")) closeMenus();
  });
  document.addEventListener("keydown", (event) => {
    const menu = document.querySelector("[popover]:popover-open");
    if (!menu) return;
    const items = listItems(menu);
    const index = items.indexOf(document.activeElement);
    const nextIndex = { ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: -1 }[event.key];
    if (nextIndex !== undefined) items.at(nextIndex % items.length).focus();
    else if (event.key === "Escape") onEscape(openerButton);
    else if (event.key !== "Tab") return;
    if (nextIndex === undefined) closeMenus();
    event.preventDefault();
    event.stopPropagation();
  }, true);
}
