// Light, dark, or as the system: remembered in a cookie, so that the server draws the next page in it at once.
const NAMES = { light: "oncelink", dark: "oncelink-dark" };
const A_YEAR = 31536000;

export function startTheme() {
  document.addEventListener("click", (event) => {
    const choice = event.target.closest("[data-theme-choice]")?.dataset.themeChoice;
    if (choice) choose(choice);
  });
}

function choose(choice) {
  const root = document.documentElement;
  if (NAMES[choice]) root.dataset.theme = NAMES[choice];
  else delete root.dataset.theme;
  document.cookie = `oncelink_theme=${choice}; path=/; samesite=lax; max-age=${NAMES[choice] ? A_YEAR : 0}`;
  for (const button of document.querySelectorAll("[data-theme-choice]")) {
    button.setAttribute("aria-pressed", String(button.dataset.themeChoice === choice));
  }
}
