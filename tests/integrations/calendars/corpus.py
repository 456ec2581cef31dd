"""Feeds in the shapes that the big calendars write, made up by hand, and when they say that their person is busy.

The person lives in Berlin, the time read is March and April 2027 (summer time begins there on the 28th of March, in
New York on the 14th). Expected times are UTC, written `MMDD HHMM-HHMM` or, over several days, `MMDD HHMM-MMDD HHMM`.
"""

GOOGLE = """BEGIN:VCALENDAR
PRODID:-//Google Inc//Google Calendar 70.9054//EN
VERSION:2.0
CALSCALE:GREGORIAN
METHOD:PUBLISH
X-WR-CALNAME:julio@nexora.example
X-WR-TIMEZONE:Europe/Berlin
BEGIN:VTIMEZONE
TZID:Europe/Berlin
X-LIC-LOCATION:Europe/Berlin
BEGIN:DAYLIGHT
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
TZNAME:CEST
DTSTART:19700329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
BEGIN:STANDARD
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
TZNAME:CET
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
END:VTIMEZONE
"""
OUTLOOK_ZONE = """BEGIN:VTIMEZONE
TZID:W. Europe Standard Time
BEGIN:STANDARD
DTSTART:16010101T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010101T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE
"""
CUSTOM_ZONE = """BEGIN:VTIMEZONE
TZID:Customized Time Zone
BEGIN:STANDARD
DTSTART:16010101T000000
TZOFFSETFROM:+0530
TZOFFSETTO:+0530
END:STANDARD
END:VTIMEZONE
"""
PLAIN = "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//x//EN\n"


def build_event(lines: str) -> str:
    """An entry, its lines separated by ` | `."""
    return "BEGIN:VEVENT\n" + "\n".join(lines.split(" | ")) + "\nEND:VEVENT\n"


def build_calendar(head: str, *entries: str) -> str:
    """A calendar of entries."""
    return head + "".join(map(build_event, entries)) + "END:VCALENDAR\n"


CORPUS: dict[str, tuple[str, list[str]]] = {
    "google: one entry in UTC, with all that surrounds it": (
        build_calendar(
            GOOGLE,
            "DTSTART:20270310T130000Z | DTEND:20270310T140000Z | DTSTAMP:20270301T080000Z | UID:1abc@google.com | "
            "CREATED:20270201T080000Z | DESCRIPTION:Zoom\\, at\\n<b>noon</b>\\; bring: cake | "
            "LAST-MODIFIED:20270201T080000Z | LOCATION:Room 7 | "
            "SEQUENCE:0 | STATUS:CONFIRMED | SUMMARY:Lunch | TRANSP:OPAQUE",
        ),
        ["0310 1300-1400"],
    ),
    "google: weekly over the change of the clocks": (
        build_calendar(
            GOOGLE,
            "DTSTART;TZID=Europe/Berlin:20270322T100000 | DTEND;TZID=Europe/Berlin:20270322T103000 | "
            "RRULE:FREQ=WEEKLY;WKST=MO;COUNT=3;BYDAY=MO | UID:2@google.com | STATUS:CONFIRMED",
        ),
        ["0322 0900-0930", "0329 0800-0830", "0405 0800-0830"],
    ),
    "google: one of a series moved, one cancelled, one left out": (
        build_calendar(
            GOOGLE,
            "DTSTART;TZID=Europe/Berlin:20270301T090000 | DTEND;TZID=Europe/Berlin:20270301T100000 | "
            "RRULE:FREQ=DAILY;COUNT=5 | EXDATE;TZID=Europe/Berlin:20270302T090000 | UID:3@google.com",
            "DTSTART;TZID=Europe/Berlin:20270303T150000 | DTEND;TZID=Europe/Berlin:20270303T160000 | "
            "RECURRENCE-ID;TZID=Europe/Berlin:20270303T090000 | UID:3@google.com | SEQUENCE:1",
            "DTSTART;TZID=Europe/Berlin:20270304T090000 | DTEND;TZID=Europe/Berlin:20270304T100000 | "
            "RECURRENCE-ID;TZID=Europe/Berlin:20270304T090000 | UID:3@google.com | STATUS:CANCELLED",
        ),
        ["0301 0800-0900", "0303 1400-1500", "0305 0800-0900"],
    ),
    "google: a moved one whose id is written in UTC": (
        build_calendar(
            GOOGLE,
            "DTSTART;TZID=Europe/Berlin:20270301T090000 | DTEND;TZID=Europe/Berlin:20270301T100000 | "
            "RRULE:FREQ=DAILY;COUNT=2 | UID:4@google.com",
            "DTSTART:20270302T120000Z | DTEND:20270302T130000Z | RECURRENCE-ID:20270302T080000Z | UID:4@google.com",
        ),
        ["0301 0800-0900", "0302 1200-1300"],
    ),
    "google: all day, out of office": (
        build_calendar(
            GOOGLE, "DTSTART;VALUE=DATE:20270310 | DTEND;VALUE=DATE:20270312 | UID:5@google.com | TRANSP:OPAQUE"
        ),
        ["0309 2300-0311 2300"],
    ),
    "google: a birthday that keeps nobody": (
        build_calendar(
            GOOGLE,
            "DTSTART;VALUE=DATE:20270310 | DTEND;VALUE=DATE:20270311 | RRULE:FREQ=YEARLY | UID:6@google.com | "
            "TRANSP:TRANSPARENT",
        ),
        [],
    ),
    "google: free/busy only": (
        build_calendar(GOOGLE, "DTSTART:20270310T130000Z | DTEND:20270310T140000Z | UID:7@google.com | SUMMARY:Busy"),
        ["0310 1300-1400"],
    ),
    "google: the day on which the clocks change, all day": (
        build_calendar(GOOGLE, "DTSTART;VALUE=DATE:20270328 | DTEND;VALUE=DATE:20270329 | UID:8@google.com"),
        ["0327 2300-0328 2200"],
    ),
    "outlook: Windows' name of a zone, described": (
        build_calendar(
            PLAIN + OUTLOOK_ZONE,
            "UID:040000008200E00074C5B7101A82E008 | DTSTART;TZID=W. Europe Standard Time:20270330T140000 | "
            "DTEND;TZID=W. Europe Standard Time:20270330T150000 | CLASS:PUBLIC | PRIORITY:5 | TRANSP:OPAQUE | "
            "X-MICROSOFT-CDO-BUSYSTATUS:BUSY | X-MICROSOFT-CDO-IMPORTANCE:1",
        ),
        ["0330 1200-1300"],
    ),
    "outlook: Windows' names of zones, not described": (
        build_calendar(
            PLAIN,
            "UID:9 | DTSTART;TZID=Pacific Standard Time:20270310T090000 | "
            "DTEND;TZID=Eastern Standard Time:20270310T130000",
            'UID:10 | DTSTART;TZID="Romance Standard Time":20270311T090000 | '
            'DTEND;TZID="Romance Standard Time":20270311T100000',
        ),
        ["0310 1700-1800", "0311 0800-0900"],
    ),
    "outlook: a zone of its own": (
        build_calendar(
            PLAIN + CUSTOM_ZONE,
            "UID:11 | DTSTART;TZID=Customized Time Zone:20270310T090000 | "
            "DTEND;TZID=Customized Time Zone:20270310T100000",
        ),
        ["0310 0330-0430"],
    ),
    "outlook: what its states mean": (
        build_calendar(
            PLAIN,
            "UID:f | DTSTART:20270301T100000Z | DTEND:20270301T110000Z | X-MICROSOFT-CDO-BUSYSTATUS:FREE",
            "UID:e | DTSTART:20270302T100000Z | DTEND:20270302T110000Z | X-MICROSOFT-CDO-BUSYSTATUS:WORKINGELSEWHERE",
            "UID:t | DTSTART:20270303T100000Z | DTEND:20270303T110000Z | X-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE",
            "UID:o | DTSTART:20270304T100000Z | DTEND:20270304T110000Z | X-MICROSOFT-CDO-BUSYSTATUS:OOF",
            "UID:b | DTSTART:20270305T100000Z | DTEND:20270305T110000Z | X-MICROSOFT-CDO-BUSYSTATUS:BUSY",
        ),
        ["0303 1000-1100", "0304 1000-1100", "0305 1000-1100"],
    ),
    "outlook: all day as midnights of a zone": (
        build_calendar(
            PLAIN + OUTLOOK_ZONE,
            "UID:12 | DTSTART;TZID=W. Europe Standard Time:20270310T000000 | "
            "DTEND;TZID=W. Europe Standard Time:20270311T000000 | X-MICROSOFT-CDO-ALLDAYEVENT:FALSE",
        ),
        ["0309 2300-0310 2300"],
    ),
    "outlook: the last Friday of each month": (
        build_calendar(
            PLAIN + OUTLOOK_ZONE,
            "UID:13 | RRULE:FREQ=MONTHLY;INTERVAL=1;BYDAY=-1FR;UNTIL=20270430T215959Z | "
            "DTSTART;TZID=W. Europe Standard Time:20270129T160000 | DTEND;TZID=W. Europe Standard Time:20270129T170000",
        ),
        ["0326 1500-1600", "0430 1400-1500"],
    ),
    "icloud: a duration instead of an end, an alarm within": (
        build_calendar(
            PLAIN,
            "UID:AB-1 | DTSTART;TZID=America/New_York:20270315T090000 | DURATION:PT1H30M | "
            "X-APPLE-TRAVEL-ADVISORY-BEHAVIOR:AUTOMATIC | BEGIN:VALARM | TRIGGER:-PT15M | ACTION:DISPLAY | UID:alarm | "
            "DURATION:PT5M | REPEAT:2 | END:VALARM",
        ),
        ["0315 1300-1430"],
    ),
    "icloud: floating, where the person is": (
        build_calendar(PLAIN, "UID:AB-2 | DTSTART:20270310T090000 | DTEND:20270310T100000"),
        ["0310 0800-0900"],
    ),
    "icloud: floating every day over the change of the clocks": (
        build_calendar(PLAIN, "UID:AB-3 | DTSTART:20270327T090000 | DURATION:PT1H | RRULE:FREQ=DAILY;COUNT=3"),
        ["0327 0800-0900", "0328 0700-0800", "0329 0700-0800"],
    ),
    "icloud: a day without an end is that day": (
        build_calendar(PLAIN, "UID:AB-4 | DTSTART;VALUE=DATE:20270310"),
        ["0309 2300-0310 2300"],
    ),
    "icloud: a time without an end takes no time": (
        build_calendar(PLAIN, "UID:AB-5 | DTSTART:20270310T090000Z"),
        [],
    ),
    "icloud: days as a duration": (
        build_calendar(PLAIN, "UID:AB-6 | DTSTART;VALUE=DATE:20270310 | DURATION:P2D"),
        ["0309 2300-0311 2300"],
    ),
    "nextcloud: more dates, one of them a period": (
        build_calendar(
            PLAIN,
            "UID:nc-1 | DTSTART:20270301T100000Z | DTEND:20270301T110000Z | RDATE:20270303T100000Z,20270305T120000Z",
            "UID:nc-2 | DTSTART:20270308T100000Z | DTEND:20270308T110000Z | RDATE;VALUE=PERIOD:20270309T100000Z/PT2H",
        ),
        ["0301 1000-1100", "0303 1000-1100", "0305 1200-1300", "0308 1000-1100", "0309 1000-1200"],
    ),
    "nextcloud: from one on, the rest of a series at another time": (
        build_calendar(
            PLAIN,
            "UID:nc-3 | DTSTART:20270301T100000Z | DTEND:20270301T110000Z | RRULE:FREQ=DAILY;COUNT=4",
            "UID:nc-3 | DTSTART:20270303T150000Z | DTEND:20270303T160000Z | "
            "RECURRENCE-ID;RANGE=THISANDFUTURE:20270303T100000Z",
        ),
        ["0301 1000-1100", "0302 1000-1100", "0303 1500-1600", "0304 1500-1600"],
    ),
    "nextcloud: tasks and notes keep nobody": (
        PLAIN + "BEGIN:VTODO\nUID:t\nDTSTART:20270310T100000Z\nDUE:20270310T110000Z\nEND:VTODO\n"
        "BEGIN:VJOURNAL\nUID:j\nDTSTART:20270310T100000Z\nEND:VJOURNAL\nEND:VCALENDAR\n",
        [],
    ),
    "a library's path before a zone's name": (
        build_calendar(
            PLAIN,
            "UID:z1 | DTSTART;TZID=/mozilla.org/20050126_1/Europe/Berlin:20270310T100000 | DURATION:PT1H",
            "UID:z2 | DTSTART;TZID=/freeassociation.sourceforge.net/America/Argentina/Buenos_Aires:20270311T100000 | "
            "DURATION:PT1H",
            "UID:z3 | DTSTART;TZID=GMT+0200:20270312T100000 | DURATION:PT1H",
        ),
        ["0310 0900-1000", "0311 1300-1400", "0312 0800-0900"],
    ),
    "published free/busy": (
        PLAIN + "BEGIN:VFREEBUSY\nDTSTAMP:20270301T000000Z\nFREEBUSY:20270310T100000Z/PT1H,20270311T100000Z/"
        "20270311T120000Z\nFREEBUSY;FBTYPE=FREE:20270312T100000Z/PT1H\nFREEBUSY;FBTYPE=BUSY-TENTATIVE:"
        "20270313T100000Z/PT1H\nEND:VFREEBUSY\nEND:VCALENDAR\n",
        ["0310 1000-1100", "0311 1000-1200", "0313 1000-1100"],
    ),
    "overlapping and touching entries are one time": (
        build_calendar(
            PLAIN,
            "UID:o1 | DTSTART:20270310T100000Z | DTEND:20270310T110000Z",
            "UID:o2 | DTSTART:20270310T103000Z | DTEND:20270310T113000Z",
            "UID:o3 | DTSTART:20270310T113000Z | DTEND:20270310T120000Z",
        ),
        ["0310 1000-1200"],
    ),
    "entries without ids are entries of their own": (
        build_calendar(PLAIN, "DTSTART:20270310T100000Z | DURATION:PT1H", "DTSTART:20270311T100000Z | DURATION:PT1H"),
        ["0310 1000-1100", "0311 1000-1100"],
    ),
    "begun before the time that is read": (
        build_calendar(
            PLAIN,
            "UID:l1 | DTSTART:20260101T000000Z | DTEND:20270301T060000Z",
            "UID:l2 | DTSTART:20270220T000000Z | DURATION:P10D",
        ),
        ["0301 0000-0302 0000"],
    ),
    "a year as two-yearly, from long ago": (
        build_calendar(PLAIN, "UID:y | DTSTART:19970310T100000Z | DURATION:PT1H | RRULE:FREQ=YEARLY;INTERVAL=2"),
        ["0310 1000-1100"],
    ),
    "the second and fourth Tuesday, by position": (
        build_calendar(
            PLAIN,
            "UID:p | DTSTART:20270309T100000Z | DURATION:PT1H | "
            "RRULE:FREQ=MONTHLY;BYDAY=TU;BYSETPOS=2,4;UNTIL=20270331T000000Z",
        ),
        ["0309 1000-1100", "0323 1000-1100"],
    ),
    "an hour that summer time leaves out": (
        build_calendar(
            GOOGLE, "UID:gap | DTSTART;TZID=Europe/Berlin:20270328T013000 | DTEND;TZID=Europe/Berlin:20270328T033000"
        ),
        ["0328 0030-0130"],
    ),
    "other components that nobody knows": (
        PLAIN + "BEGIN:X-COMPONENT\nDTSTART:20270310T100000Z\nBEGIN:VALARM\nEND:VALARM\nEND:X-COMPONENT\n"
        "BEGIN:VAVAILABILITY\nBEGIN:AVAILABLE\nDTSTART:20270310T100000Z\nEND:AVAILABLE\nEND:VAVAILABILITY\nEND:VCALENDAR\n",
        [],
    ),
    "two calendars in one file": (
        build_calendar(PLAIN, "UID:1 | DTSTART:20270310T100000Z | DURATION:PT1H")
        + build_calendar(PLAIN, "UID:2 | DTSTART:20270311T100000Z | DURATION:PT1H"),
        ["0310 1000-1100", "0311 1000-1100"],
    ),
}
