// Form fields: focuses the first invalid one; [data-fills=ID] writes its data-value into a field,
// [data-minutes=ID] says its number of minutes as hours and days.
export function startFields() {
  document.querySelector("main [aria-invalid=true]")?.focus();
  document.addEventListener("input", ({ target }) => {
    const output = document.getElementById(target.dataset?.minutes ?? "");
    if (output) output.textContent = describeMinutes(target.value.trim());
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-fills]");
    if (!button) return;
    const field = document.getElementById(button.dataset.fills);
    field.value = button.dataset.value;
    field.focus();
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
}

// As domain/durations.py; nothing for less than an hour, and for what is no number.
function describeMinutes(text) {
  const minutes = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (minutes < 60) return "";
  const days = Math.floor(minutes / 1440);
  const parts = [[days, days === 1 ? "day" : "days"], [Math.floor((minutes % 1440) / 60), "h"], [minutes % 60, "min"]];
  return parts.filter(([count]) => count).map((part) => part.join(" ")).join(" ");
}
