// Menu buttons (ARIA pattern): [data-menu=ID] opens the popover ID. Arrows, Home, End, Escape, Tab and letters work.
let opened = null; // {button, menu}
const openers = new WeakMap(); // menu → the button that opened it last
const seen = new IntersectionObserver((entries) => entries.at(-1).isIntersecting || closeMenu());

export const openerOf = (item) => openers.get(item.closest("[role=menu]"));

export function startMenus() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-menu]");
    if (button) return opened?.button === button ? closeMenu() : open(button, event.detail === 0 ? 0 : null);
    if (opened && event.target.closest("[role=menuitem]")) closeMenu(true);
  });
  document.addEventListener("pointerdown", (event) => {
    if (opened && !opened.menu.contains(event.target) && !opened.button.contains(event.target)) closeMenu();
  });
  document.addEventListener("keydown", onKey);
  // a page may still be gliding when a button is pressed: the menu stays at its button for as long as that can be seen
  const stay = () => opened && place(opened.menu, opened.button);
  addEventListener("resize", stay);
  document.addEventListener("scroll", stay, { capture: true, passive: true });
}

export function closeMenu(refocus = false) {
  if (!opened) return;
  const { button, menu } = opened;
  opened = null;
  seen.disconnect();
  menu.hidePopover();
  button.setAttribute("aria-expanded", "false");
  if (refocus) button.focus();
}

function open(button, focused) {
  closeMenu();
  const menu = document.getElementById(button.dataset.menu);
  // a menu that many buttons share goes where it can be reached: into the open dialog, beside which all else is inert
  if ("shared" in menu.dataset) (button.closest("dialog, main") ?? document.body).append(menu);
  openers.set(menu, button);
  menu.showPopover();
  place(menu, button);
  button.setAttribute("aria-expanded", "true");
  opened = { button, menu };
  seen.observe(button);
  const list = items(menu);
  list.forEach((item) => (item.tabIndex = -1));
  list.at(focused ?? 0)?.focus({ preventScroll: true });
}

function place(menu, button) {
  const at = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const below = at.bottom + 6;
  const top = below + height > innerHeight - 8 && at.top > height + 14 ? at.top - height - 6 : below;
  menu.style.left = `${Math.max(8, Math.min(at.right - width, innerWidth - width - 8))}px`;
  menu.style.top = `${Math.max(8, top)}px`;
}

const items = (menu) => [...menu.querySelectorAll("[role=menuitem]")];

function onKey(event) {
  const button = event.target.closest?.("[data-menu]");
  if (!opened) {
    if (!button || !["ArrowDown", "ArrowUp"].includes(event.key)) return;
    event.preventDefault();
    return open(button, event.key === "ArrowUp" ? -1 : 0);
  }
  const list = items(opened.menu);
  const now = list.indexOf(document.activeElement);
  const to = { ArrowDown: (now + 1) % list.length, ArrowUp: (now + list.length - (now < 0 ? 0 : 1)) % list.length, Home: 0, End: list.length - 1 }[event.key];
  if (to !== undefined) list[to]?.focus();
  else if (event.key === "Escape") closeMenu(true);
  else if (event.key === "Tab") return closeMenu(true);
  else if (/^\p{L}$/u.test(event.key) && !event.ctrlKey && !event.metaKey && !event.altKey) byLetter(list, now, event.key);
  else return;
  event.preventDefault();
}

function byLetter(list, now, letter) {
  const after = [...list.slice(now + 1), ...list.slice(0, now + 1)];
  after.find((item) => item.textContent.trim().toLowerCase().startsWith(letter.toLowerCase()))?.focus();
}
