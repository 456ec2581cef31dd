// Starts the scripts of the signed-in pages. All of them listen on the document, so they also work in swapped parts.
import { startBulk } from "./bulk.js";
import { startDialogs } from "./dialogs.js";
import { startFields } from "./fields.js";
import { startFilters } from "./filters.js";
import { startHoursPreview } from "./hours_preview.js";
import { startMenus } from "./menus.js";
import { startSnippets } from "./snippet.js";
import { startSplitButtons } from "./split_button.js";
import { startTheme } from "./theme.js";
import { startToasts } from "./toasts.js";
import { startUndo } from "./undo.js";
import { startZoneProposal } from "./zone_proposal.js";

document.documentElement.classList.add("js");
startTheme();
startToasts();
startMenus();
startDialogs();
startFields();
startFilters();
startHoursPreview();
startSplitButtons();
startSnippets();
startZoneProposal();
startBulk();
startUndo();
