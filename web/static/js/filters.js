// Filter bars: htmx submits them. This removes empty parameters and shows "Clear".
export function startFilters() {
  document.addEventListener("htmx:config:request", ({ detail, target }) => {
    const body = detail.ctx.request.body;
    if (!target.matches?.("[data-filters]") || !(body instanceof FormData)) return;
    for (const [name, value] of [...body]) if (value === "") body.delete(name);
  });
  document.addEventListener("htmx:after:swap", updateClearLinks);
  document.addEventListener("submit", ({ target }) => {
    if (!target.matches("[data-filters]")) return;
    for (const field of target.elements) if (field.name && field.value === "") field.disabled = true;
    setTimeout(() => [...target.elements].forEach((field) => (field.disabled = false)));
  });
}

// "Clear" is visible while the address has a filter; the sort order is none.
function updateClearLinks() {
  const hasFilter = [...new URLSearchParams(location.search).keys()].some((name) => name !== "sort");
  for (const link of document.querySelectorAll("[data-filters] [data-clear]")) link.hidden = !hasFilter;
}
