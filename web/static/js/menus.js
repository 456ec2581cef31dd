// Menu buttons (ARIA pattern): [data-menu=ID] opens the popover ID. Keys: arrows, Home, End, Escape, Tab and letters.
let openMenu = null; // {button, menu}
const openers = new WeakMap(); // menu → the button that opened it last
const visibilityObserver = new IntersectionObserver((entries) => entries.at(-1).isIntersecting || closeMenu());

export const findOpener = (item) => openers.get(item.closest("[role=menu]"));

export function startMenus() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-menu]");
    if (button) return openMenu?.button === button ? closeMenu() : showMenu(button, event.detail === 0 ? 0 : null);
    if (openMenu && event.target.closest("[role=menuitem]")) closeMenu(true);
  });
  document.addEventListener("pointerdown", (event) => {
    if (openMenu && !openMenu.menu.contains(event.target) && !openMenu.button.contains(event.target)) closeMenu();
  });
  document.addEventListener("keydown", handleKey);
  // the page may still scroll after the click: the menu follows its button while the button is visible
  const followButton = () => openMenu && positionMenu(openMenu.menu, openMenu.button);
  addEventListener("resize", followButton);
  document.addEventListener("scroll", followButton, { capture: true, passive: true });
}

export function closeMenu(focusesButton = false) {
  if (!openMenu) return;
  const { button, menu } = openMenu;
  openMenu = null;
  visibilityObserver.disconnect();
  menu.hidePopover();
  button.setAttribute("aria-expanded", "false");
  if (focusesButton) button.focus();
}

function showMenu(button, focusIndex) {
  closeMenu();
  const menu = document.getElementById(button.dataset.menu);
  // a shared menu moves into the open dialog, because everything outside of it is inert
  if ("shared" in menu.dataset) (button.closest("dialog, main") ?? document.body).append(menu);
  openers.set(menu, button);
  menu.showPopover();
  positionMenu(menu, button);
  button.setAttribute("aria-expanded", "true");
  openMenu = { button, menu };
  visibilityObserver.observe(button);
  const items = listItems(menu);
  items.forEach((item) => (item.tabIndex = -1));
  items.at(focusIndex ?? 0)?.focus({ preventScroll: true });
}

// Below the button, or above it where there is no room below.
function positionMenu(menu, button) {
  const box = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const below = box.bottom + 6;
  const top = below + height > innerHeight - 8 && box.top > height + 14 ? box.top - height - 6 : below;
  menu.style.left = `${Math.max(8, Math.min(box.right - width, innerWidth - width - 8))}px`;
  menu.style.top = `${Math.max(8, top)}px`;
}

const listItems = (menu) => [...menu.querySelectorAll("[role=menuitem]")];

function handleKey(event) {
  const button = event.target.closest?.("[data-menu]");
  if (!openMenu) {
    if (!button || !["ArrowDown", "ArrowUp"].includes(event.key)) return;
    event.preventDefault();
    return showMenu(button, event.key === "ArrowUp" ? -1 : 0);
  }
  const items = listItems(openMenu.menu);
  const index = items.indexOf(document.activeElement);
  const previous = (index + items.length - (index < 0 ? 0 : 1)) % items.length;
  const target = { ArrowDown: (index + 1) % items.length, ArrowUp: previous, Home: 0, End: items.length - 1 }[event.key];
  if (target !== undefined) items[target]?.focus();
  else if (event.key === "Escape") closeMenu(true);
  else if (event.key === "Tab") return closeMenu(true);
  else if (/^\p{L}$/u.test(event.key) && !event.ctrlKey && !event.metaKey && !event.altKey) focusByLetter(items, index, event.key);
  else return;
  event.preventDefault();
}

// The next item that begins with the letter, searching on from the current one.
function focusByLetter(items, index, letter) {
  const candidates = [...items.slice(index + 1), ...items.slice(0, index + 1)];
  candidates.find((item) => item.textContent.trim().toLowerCase().startsWith(letter.toLowerCase()))?.focus();
}
