// Redraws the week while somebody edits its working hours. A drawing says how wide a minute is.
const SVG = "http://www.w3.org/2000/svg";
const LEFT = 110;

export function startHoursPreview() {
  document.addEventListener("input", ({ target }) => {
    const day = target.closest("[data-hours-day]");
    if (day) renderDay(day);
  });
}

function renderDay(day) {
  const intervals = [...day.querySelectorAll(".pair")].map(readInterval).filter(({ duration }) => duration > 0);
  for (const row of document.querySelectorAll(`[data-week-day="${day.dataset.hoursDay}"]`)) {
    const { weekTop, weekScale } = row.dataset;
    row.replaceChildren(...intervals.map(({ start, duration }) => createBar(start * weekScale, duration * weekScale, weekTop)));
  }
}

function readInterval(pair) {
  const [startTime, endTime] = [...pair.querySelectorAll("input")].map(({ value }) => value);
  const start = parseMinutes(startTime);
  return { start, duration: (endTime === "00:00" ? 1440 : parseMinutes(endTime)) - start };
}

// Minutes since midnight; NaN for an empty field.
function parseMinutes(time) {
  const [hour, minute] = time.split(":").map(Number);
  return time ? hour * 60 + minute : NaN;
}

function createBar(start, duration, top) {
  const bar = document.createElementNS(SVG, "rect");
  const attributes = { class: "week-bar", x: LEFT + start, y: top, width: duration, height: 38, rx: 8 };
  for (const [name, value] of Object.entries(attributes)) bar.setAttribute(name, value);
  return bar;
}
