// Wall-clock times of a zone as instants.

// Returns the instant (RFC 3339) of a local time such as "2026-12-01T18:00" in a zone.
export function toInstant(localTime, timeZone) {
  const asUtc = Date.parse(`${localTime}Z`);
  const guess = asUtc - findOffset(asUtc, timeZone);
  return new Date(asUtc - findOffset(guess, timeZone)).toISOString(); // the guess may be across a change of the clocks
}

// Returns how far the zone's clocks are ahead of UTC at an instant, in milliseconds.
function findOffset(instant, timeZone) {
  const options = { timeZone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" };
  const parts = new Intl.DateTimeFormat("en-GB", options).formatToParts(instant);
  const { year, month, day, hour, minute } = Object.fromEntries(parts.map(({ type, value }) => [type, Number(value)]));
  return Date.UTC(year, month - 1, day, hour, minute) - Math.floor(instant / 60_000) * 60_000;
}
