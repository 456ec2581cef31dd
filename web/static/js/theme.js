// The theme: light, dark, or as the system. A cookie stores it, so that the server renders the next page in it.
import { setCookie } from "./cookies.js";

const THEMES = { light: "oncelink", dark: "oncelink-dark" };
const YEAR_SECONDS = 31536000;

export function startTheme() {
  document.addEventListener("click", (event) => {
    const choice = event.target.closest("[data-theme-choice]")?.dataset.themeChoice;
    if (choice) applyTheme(choice);
  });
}

function applyTheme(choice) {
  const root = document.documentElement;
  if (THEMES[choice]) root.dataset.theme = THEMES[choice];
  else delete root.dataset.theme;
  setCookie("oncelink_theme", choice, THEMES[choice] ? YEAR_SECONDS : 0);
  for (const button of document.querySelectorAll("[data-theme-choice]")) {
    button.setAttribute("aria-pressed", String(button.dataset.themeChoice === choice));
  }
}
