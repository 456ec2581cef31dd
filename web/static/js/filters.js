// Filters bars send themselves through htmx; here only what htmx leaves out: parameters that say nothing, and "Clear".
export function startFilters() {
  document.addEventListener("htmx:config:request", ({ detail, target }) => {
    const body = detail.ctx.request.body;
    if (!target.matches?.("[data-filters]") || !(body instanceof FormData)) return;
    for (const [name, value] of [...body]) if (value === "") body.delete(name);
  });
  document.addEventListener("htmx:after:swap", showClear);
  document.addEventListener("submit", ({ target }) => {
    if (!target.matches("[data-filters]")) return;
    for (const field of target.elements) if (field.name && field.value === "") field.disabled = true;
    setTimeout(() => [...target.elements].forEach((field) => (field.disabled = false)));
  });
}

// "Clear" shows where the address narrows the list; an order alone does not.
function showClear() {
  const narrowing = [...new URLSearchParams(location.search).keys()].some((name) => name !== "sort");
  for (const clear of document.querySelectorAll("[data-filters] [data-clear]")) clear.hidden = !narrowing;
}
