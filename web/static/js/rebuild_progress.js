// Shows the progress of rebuilds from server-sent events. Without this script the page stays as it was loaded.
const region = document.querySelector("[data-rebuilding]");
const stateLabels = document.getElementById("states").content;

if (region.querySelector("[data-progress]:not([hidden])") || document.querySelector("[data-toast]")) followRebuilds();

function followRebuilds() {
  const source = new EventSource(region.dataset.rebuilding);
  source.addEventListener("read_models", ({ data }) => JSON.parse(data).items.forEach(renderReadModel));
  source.addEventListener("end", () => source.close());
  addEventListener("pagehide", () => source.close());
}

function renderReadModel(model) {
  const row = region.querySelector(`[data-model="${model.name}"]`);
  if (!row) return;
  const setText = (name, text) => (row.querySelector(`[data-${name}]`).textContent = text);
  row.querySelector("[data-state]").replaceChildren(stateLabels.querySelector(`[data-name="${model.state}"]`).cloneNode(true));
  setText("error", model.error ?? "");
  setText("position", model.position);
  setText("head", model.head);
  setText("lag", model.lag_events);
  setText("rows", model.rows);
  row.querySelector("[data-rebuild]").disabled = model.state === "rebuilding";
  renderProgress(row, model.rebuild);
}

function renderProgress(row, rebuild) {
  const progress = row.querySelector("[data-progress]");
  progress.hidden = !rebuild;
  if (!rebuild) return;
  const bar = progress.querySelector("progress");
  bar.max = Math.max(1, rebuild.total);
  bar.value = rebuild.done;
  const remaining = rebuild.eta_seconds === null ? "" : `, ${Math.ceil(rebuild.eta_seconds)} s left`;
  const rate = Math.round(rebuild.events_per_second).toLocaleString("en");
  progress.querySelector("[data-pace]").textContent = `${rebuild.done} of ${rebuild.total} events, ${rate} a second${remaining}`;
}
