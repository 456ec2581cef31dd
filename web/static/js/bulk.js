// Bulk actions: check boxes of the rows of a form[data-bulk], which names what they are; its buttons wait for the first one.
export function startBulk() {
  document.addEventListener("change", ({ target }) => {
    const form = target.closest("form[data-bulk]");
    if (!form) return;
    if (target.matches("[data-tick-all]")) listTicks(form).forEach((tick) => (tick.checked = target.checked));
    updateBulkBar(form);
  });
  document.addEventListener("htmx:after:swap", updateBulkBars);
  updateBulkBars();
}

export function updateBulkBar(form) {
  const ticks = listTicks(form);
  const count = ticks.filter((tick) => tick.checked).length;
  const all = form.querySelector("[data-tick-all]");
  if (!all) return;
  all.checked = count > 0 && count === ticks.length;
  all.indeterminate = count > 0 && count < ticks.length;
  form.querySelector("[data-bulk-count]").textContent = count ? `${count} selected` : "";
  form.querySelectorAll("[data-bulk-button]").forEach((button) => (button.disabled = !count));
}

const updateBulkBars = () => document.querySelectorAll("form[data-bulk]").forEach(updateBulkBar);
const listTicks = (form) => [...form.querySelectorAll("input[type=checkbox][name=ids]:not(:disabled)")];
