// Shows how far rebuilds are, as the server tells it; without this script the page is as it was when it was loaded.
const region = document.querySelector("[data-rebuilding]");
const states = document.getElementById("states").content;

if (region.querySelector("[data-progress]:not([hidden])") || document.querySelector("[data-toast]")) watch();

function watch() {
  const events = new EventSource(region.dataset.rebuilding);
  events.addEventListener("read_models", ({ data }) => JSON.parse(data).items.forEach(show));
  events.addEventListener("end", () => events.close());
  addEventListener("pagehide", () => events.close());
}

function show(model) {
  const row = region.querySelector(`[data-model="${model.name}"]`);
  if (!row) return;
  const put = (name, text) => (row.querySelector(`[data-${name}]`).textContent = text);
  row.querySelector("[data-state]").replaceChildren(states.querySelector(`[data-name="${model.state}"]`).cloneNode(true));
  put("error", model.error ?? "");
  put("position", model.position);
  put("head", model.head);
  put("lag", model.lag_events);
  put("rows", model.rows);
  row.querySelector("[data-rebuild]").disabled = model.state === "rebuilding";
  showProgress(row, model.rebuild);
}

function showProgress(row, rebuild) {
  const place = row.querySelector("[data-progress]");
  place.hidden = !rebuild;
  if (!rebuild) return;
  const bar = place.querySelector("progress");
  bar.max = Math.max(1, rebuild.total);
  bar.value = rebuild.done;
  const left = rebuild.eta_seconds === null ? "" : `, ${Math.ceil(rebuild.eta_seconds)} s left`;
  const pace = Math.round(rebuild.events_per_second).toLocaleString("en");
  place.querySelector("[data-pace]").textContent = `${rebuild.done} of ${rebuild.total} events, ${pace} a second${left}`;
}
