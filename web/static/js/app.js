// Starts what the pages of signed-in people need. Everything listens on the document, so swapped parts work too.
import { startDialogs } from "./dialogs.js";
import { startFilters } from "./filters.js";
import { startHours } from "./hours.js";
import { startMenus } from "./menus.js";
import { startSplitButtons } from "./split.js";
import { startTheme } from "./theme.js";
import { startToasts } from "./toasts.js";

document.documentElement.classList.add("js");
startTheme();
startToasts();
startMenus();
startDialogs();
startFilters();
startHours();
startSplitButtons();
