// Form fields: focuses the first invalid one; [data-fills=ID] writes its data-value into a field.
export function startFields() {
  document.querySelector("main [aria-invalid=true]")?.focus();
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-fills]");
    if (!button) return;
    const field = document.getElementById(button.dataset.fills);
    field.value = button.dataset.value;
    field.focus();
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
}
