// The welcome page proposes the browser's time zone, and says what time it is in the chosen one.
export function startZoneProposal() {
  const form = document.querySelector("[data-zone-proposal]");
  if (!form) return;
  const field = form.elements.time_zone;
  const browserZone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const isKnown = Array.from(field.list.options).some((option) => option.value === browserZone);
  if (form.dataset.zoneProposal === "on" && isKnown && field.value !== browserZone) {
    form.querySelector("[data-browser-zone]").textContent = browserZone;
    form.querySelector("[data-zone-differs]").hidden = false;
    field.value = browserZone;
  }
  const showTime = () => (form.querySelector("[data-zone-now]").textContent = describeTime(field.value));
  field.addEventListener("input", showTime);
  showTime();
}

function describeTime(timeZone) {
  try {
    const format = new Intl.DateTimeFormat("en-GB", { weekday: "long", hour: "2-digit", minute: "2-digit", timeZone });
    return `There it is ${format.format(new Date())}.`;
  } catch {
    return ""; // not a zone yet: it is being typed
  }
}
