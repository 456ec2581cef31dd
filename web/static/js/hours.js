// Draws the week again while its times are typed. Minutes are the units of the drawing.
const SVG = "http://www.w3.org/2000/svg";
const LEFT = 110;

export function startHours() {
  document.addEventListener("input", ({ target }) => {
    const day = target.closest("[data-hours-day]");
    if (day) draw(day);
  });
}

function draw(day) {
  const place = document.querySelector(`[data-week-day="${day.dataset.hoursDay}"]`);
  const bars = [...day.querySelectorAll(".pair")].map(barOf).filter(({ lasts }) => lasts > 0);
  place.replaceChildren(...bars.map(({ begins, lasts }) => rect(begins, lasts, place.dataset.weekTop)));
}

function barOf(pair) {
  const [begin, end] = [...pair.querySelectorAll("input")].map(({ value }) => value);
  const begins = minutes(begin);
  return { begins, lasts: (end === "00:00" ? 1440 : minutes(end)) - begins };
}

function minutes(time) {
  const [hour, minute] = time.split(":").map(Number);
  return time ? hour * 60 + minute : NaN;
}

function rect(begins, lasts, top) {
  const bar = document.createElementNS(SVG, "rect");
  const given = { class: "week-bar", x: LEFT + begins, y: top, width: lasts, height: 38, rx: 8 };
  for (const [name, value] of Object.entries(given)) bar.setAttribute(name, value);
  return bar;
}
