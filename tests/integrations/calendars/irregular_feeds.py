"""Feeds that break a rule, or read another way than meant; expected times as in `corpus`.

The owner is owner@example.org. What is not certain takes time, and nothing takes the time of another day.
"""

from tests.integrations.calendars.corpus import CUSTOM_ZONE, PLAIN, build_calendar

IRREGULAR_FEEDS: dict[str, tuple[str, list[str]]] = {
    "a day whose end is its start is that day, as is one that ends before it": (
        build_calendar(
            PLAIN,
            "UID:d1 | DTSTART;VALUE=DATE:20270310 | DTEND;VALUE=DATE:20270310",
            "UID:d2 | DTSTART;VALUE=DATE:20270312 | DTEND;VALUE=DATE:20270305",
            "UID:d3 | DTSTART;VALUE=DATE:20270314 | DURATION:P0D",
            "UID:d4 | DTSTART;VALUE=DATE:20270316 | DTEND;VALUE=DATE:20270316 | RRULE:FREQ=DAILY;COUNT=2",
        ),
        ["0309 2300-0310 2300", "0311 2300-0312 2300", "0313 2300-0314 2300", "0315 2300-0317 2300"],
    ),
    "a time that ends before it begins takes no time before": (
        build_calendar(
            PLAIN,
            "UID:e1 | DTSTART:20270310T100000Z | DTEND:20270310T090000Z",
            "UID:e2 | DTSTART:20270310T120000Z | DURATION:-PT1H",
        ),
        [],
    ),
    "one id on three days": (
        build_calendar(PLAIN, *(f"UID:s | DTSTART:202703{day}T100000Z | DURATION:PT1H" for day in (10, 11, 12))),
        ["0310 1000-1100", "0311 1000-1100", "0312 1000-1100"],
    ),
    "one id twice at one time: the later change counts": (
        build_calendar(
            PLAIN,
            "UID:s | SEQUENCE:2 | DTSTART:20270310T100000Z | DURATION:PT1H",
            "UID:s | SEQUENCE:1 | DTSTART:20270310T100000Z | DURATION:PT3H",
            "UID:t | SEQUENCE:9 | DTSTART:20270311T100000Z | DURATION:PT1H",
            "UID:t | SEQUENCE:10 | DTSTART:20270311T100000Z | DURATION:PT1H | STATUS:CANCELLED",
        ),
        ["0310 1000-1100"],
    ),
    "one id of a series and of a time beside it; what replaces a time is of the series": (
        build_calendar(
            PLAIN,
            "UID:s | DTSTART:20270309T080000Z | DURATION:PT1H",
            "UID:s | DTSTART:20270310T100000Z | DURATION:PT1H | RRULE:FREQ=DAILY;COUNT=2",
            "UID:s | DTSTART:20270311T150000Z | DURATION:PT1H | RECURRENCE-ID:20270311T100000Z",
        ),
        ["0309 0800-0900", "0310 1000-1100", "0311 1500-1600"],
    ),
    "what replaces a time of a series that is not there takes its time": (
        build_calendar(PLAIN, "UID:s | DTSTART:20270311T150000Z | DURATION:PT1H | RECURRENCE-ID:20270311T100000Z"),
        ["0311 1500-1600"],
    ),
    "a name of a zone means something else in each calendar": (
        build_calendar(PLAIN + CUSTOM_ZONE, "UID:1 | DTSTART;TZID=Customized Time Zone:20270310T090000 | DURATION:PT1H")
        + build_calendar(
            PLAIN + CUSTOM_ZONE.replace("+0530", "-0330"),
            "UID:1 | DTSTART;TZID=Customized Time Zone:20270311T090000 | DURATION:PT1H",
        ),
        ["0310 0330-0430", "0311 1230-1330"],
    ),
    "a zone is described after the entry that is in it": (
        build_calendar(PLAIN, "UID:1 | DTSTART;TZID=Customized Time Zone:20270310T090000 | DURATION:PT1H").replace(
            "END:VCALENDAR\n", CUSTOM_ZONE + "END:VCALENDAR\n"
        ),
        ["0310 0330-0430"],
    ),
    "names of zones with commas, colons, quotes and escapes": (
        build_calendar(
            PLAIN
            + CUSTOM_ZONE.replace("Customized Time Zone", "(UTC+05:30) Chennai\\, Kolkata")
            + CUSTOM_ZONE.replace("Customized Time Zone", "GMT+05:45").replace("+0530", "+0545")
            + CUSTOM_ZONE.replace("Customized Time Zone", "A\\;B").replace("+0530", "+0700"),
            'UID:1 | DTSTART;TZID="(UTC+05:30) Chennai, Kolkata":20270310T090000 | DURATION:PT1H',
            'UID:2 | DTSTART;TZID="(UTC+05:30) Chennai\\, Kolkata":20270311T090000 | DURATION:PT1H',
            "UID:3 | DTSTART;TZID=(UTC+05:30) Chennai, Kolkata:20270312T090000 | DURATION:PT1H",
            "UID:4 | DTSTART;TZID=GMT+05:45:20270313T090000 | DTEND;TZID=GMT+05:45:20270313T100000",
            'UID:5 | DTSTART;TZID="A;B":20270314T090000 | DURATION:PT1H',
        ),
        ["0310 0330-0430", "0311 0330-0430", "0312 0330-0430", "0313 0315-0415", "0314 0200-0300"],
    ),
    "a series that ends by a value of another kind, at the end of that day": (
        build_calendar(
            PLAIN,
            "UID:u1 | DTSTART;TZID=America/New_York:20270308T200000 | DURATION:PT1H | RRULE:FREQ=DAILY;UNTIL=20270309",
            "UID:u2 | DTSTART;VALUE=DATE:20270320 | RRULE:FREQ=DAILY;UNTIL=20270320T230000Z",
            "UID:u3 | DTSTART:20270315T100000 | DURATION:PT1H | RRULE:FREQ=DAILY;UNTIL=20270316T090000Z",
            "UID:u4 | DTSTART:20270325T100000Z | DURATION:PT1H | RRULE:FREQ=DAILY;UNTIL=20270326T100000",
        ),
        [
            "0309 0100-0200",
            "0310 0100-0200",
            "0315 0900-1000",
            "0316 0900-1000",
            "0319 2300-0321 2300",
            "0325 1000-1100",
            "0326 1000-1100",
        ],
    ),
    "an empty list of exceptions, and one with gaps": (
        build_calendar(
            PLAIN,
            "UID:x1 | DTSTART:20270310T100000Z | DURATION:PT1H | RRULE:FREQ=DAILY;COUNT=2 | EXDATE:",
            "UID:x2 | DTSTART:20270315T100000Z | DURATION:PT1H | RRULE:FREQ=DAILY;COUNT=2 | "
            "EXDATE:,20270315T100000Z, ,",
            "UID:x3 | DTSTART:20270320T100000Z | DURATION:PT1H | RDATE:",
        ),
        ["0310 1000-1100", "0311 1000-1100", "0316 1000-1100", "0320 1000-1100"],
    ),
    "a broken line whose absence takes more time, not less": (
        build_calendar(
            PLAIN,
            "UID:b1 | DTSTART:20270310T100000Z | DURATION:PT1H | RRULE:FREQ=DAILY;COUNT=2 | EXDATE:tomorrow",
            "UID:b2 | DTSTART:20270315T100000Z | DURATION:PT1H | SEQUENCE:many",
            "UID:b3 | DTSTART:20270316T100000Z | DURATION:PT1H | RECURRENCE-ID:whenever",
        ),
        ["0310 1000-1100", "0311 1000-1100", "0315 1000-1100", "0316 1000-1100"],
    ),
    "a text that was not folded": (
        build_calendar(
            PLAIN,
            "UID:f1 | DTSTART:20270310T100000Z | DURATION:PT1H | DESCRIPTION:Agenda | End of the meeting at 11 | "
            "Begin: on time | End: when it is over | Status: cancelled | Note",
            "UID:f2 | DTSTART:20270311T100000Z | DURATION:PT1H | STATUS:CONFIRMED | DESCRIPTION:Was | STATUS:CANCELLED",
        ),
        ["0310 1000-1100", "0311 1000-1100"],
    ),
    "a broken zone that no entry is in": (
        build_calendar(
            PLAIN + CUSTOM_ZONE.replace("DTSTART:16010101T000000", "DTSTART:never"),
            "UID:1 | DTSTART:20270310T090000Z | DURATION:PT1H",
        ),
        ["0310 0900-1000"],
    ),
    "invitations that their owner has declined": (
        build_calendar(
            PLAIN,
            "UID:i1 | DTSTART:20270310T100000Z | DURATION:PT1H | ATTENDEE;PARTSTAT=DECLINED:mailto:owner@example.org",
            "UID:i2 | DTSTART:20270311T100000Z | DURATION:PT1H | "
            "ATTENDEE;CN=Me;PARTSTAT=declined:MAILTO:Owner@Example.org",
            "UID:i3 | DTSTART:20270312T100000Z | DURATION:PT1H | "
            'ATTENDEE;EMAIL="owner@example.org";PARTSTAT=DECLINED:urn:uuid:1',
            "UID:i4 | DTSTART:20270315T100000Z | DURATION:PT1H | RRULE:FREQ=DAILY;COUNT=3",
            "UID:i4 | DTSTART:20270316T100000Z | DURATION:PT1H | RECURRENCE-ID:20270316T100000Z | "
            "ATTENDEE;PARTSTAT=DECLINED:mailto:owner@example.org",
        ),
        ["0315 1000-1100", "0317 1000-1100"],
    ),
    "invitations that somebody else has declined, or their owner has not": (
        build_calendar(
            PLAIN,
            "UID:i1 | DTSTART:20270310T100000Z | DURATION:PT1H | ATTENDEE;PARTSTAT=DECLINED:mailto:other@example.org",
            "UID:i2 | DTSTART:20270311T100000Z | DURATION:PT1H | "
            "ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:owner@example.org",
            "UID:i3 | DTSTART:20270312T100000Z | DURATION:PT1H | ATTENDEE;PARTSTAT=DELEGATED:mailto:owner@example.org",
            "UID:i4 | DTSTART:20270313T100000Z | DURATION:PT1H | ATTENDEE;PARTSTAT=DECLINED:mailto:owner@example.org | "
            "ATTENDEE;PARTSTAT=ACCEPTED:mailto:owner@example.org",
            "UID:i5 | DTSTART:20270314T100000Z | DURATION:PT1H | "
            'ATTENDEE;CN="owner@example.org;PARTSTAT=DECLINED":mailto:x@example.org',
        ),
        ["0310 1000-1100", "0311 1000-1100", "0312 1000-1100", "0313 1000-1100", "0314 1000-1100"],
    ),
}
