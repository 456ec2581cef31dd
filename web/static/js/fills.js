// A button that puts a suggestion into a field: [data-fills=ID] with data-value.
export function startFills() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-fills]");
    if (!button) return;
    const field = document.getElementById(button.dataset.fills);
    field.value = button.dataset.value;
    field.focus();
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
}
