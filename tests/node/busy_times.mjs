// Busy times of iCalendar feeds by ical.js: a JSON list of feeds on standard input, on standard output a list of
// [start, end] pairs of each, in seconds since 1970. Floating times are in UTC: run it with TZ=UTC.
import { readFileSync } from "node:fs";
import ICAL from "ical.js";

const { feeds, start, end } = JSON.parse(readFileSync(0, "utf8"));
const isBusy = (component) =>
  component.getFirstPropertyValue("status") !== "CANCELLED" &&
  component.getFirstPropertyValue("transp") !== "TRANSPARENT";
const toSeconds = (time) => time.toJSDate().getTime() / 1000;

function* expandFeed(text) {
  const calendar = new ICAL.Component(ICAL.parse(text));
  ICAL.TimezoneService.reset();
  for (const zone of calendar.getAllSubcomponents("vtimezone")) {
    ICAL.TimezoneService.register(new ICAL.Timezone(zone), zone.getFirstPropertyValue("tzid"));
  }
  const components = calendar.getAllSubcomponents("vevent");
  const isException = (component) => component.hasProperty("recurrence-id");
  for (const component of components.filter((candidate) => !isException(candidate))) {
    const uid = component.getFirstPropertyValue("uid");
    const exceptions = components.filter(
      (candidate) => isException(candidate) && candidate.getFirstPropertyValue("uid") === uid,
    );
    const event = new ICAL.Event(component, { exceptions, strictExceptions: false });
    if (!component.hasProperty("rrule")) {
      // the start is the first time of a list of dates, too (3.8.5.2), which this library leaves out
      if (isBusy(component)) yield [toSeconds(event.startDate), toSeconds(event.endDate)];
      if (!event.isRecurring()) continue;
    }
    const occurrences = event.iterator();
    for (let next = occurrences.next(); next && toSeconds(next) < end + 7 * 86400; next = occurrences.next()) {
      const details = event.getOccurrenceDetails(next);
      if (isBusy(details.item.component)) yield [toSeconds(details.startDate), toSeconds(details.endDate)];
    }
  }
}

const answers = feeds.map((feed) =>
  [...expandFeed(feed)].filter(([first, last]) => first < last && first < end && last > start),
);
process.stdout.write(JSON.stringify(answers));
