"""What a hostile guest gives as name, notes and address: 200 bookings, each with one thing that should do harm."""

from collections.abc import Iterator
from typing import Any

from tests.api_driver import GUEST

NOTES = "See you there"
LINES = ["\r", "\n", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\t", "\x00", "\x1b[2J"]
INJECTED = [
    "Bcc: victim@evil.example",
    "Subject: won",
    "\n\n<h1>Body</h1>",
    "ATTENDEE:mailto:victim@evil.example",
    "END:VEVENT",
    "BEGIN:VALARM",
    "METHOD:CANCEL",
    ".",
    ".\r\nMAIL FROM:<a@evil.example>",
    "--boundary",
]
TURNING = ["\u202e", "\u202dabc\u202c", "\u2066abc\u2069", "\u200f", "\u061c", "\ufeff"]
MARKUP = [
    "<script>alert(1)</script>",
    "</td></tr></table>",
    "<img src=x onerror=alert(1)>",
    "<a href='https://evil.example'>here</a>",
    "<!--",
    "-->",
    "]]>",
    "<style>*{display:none}</style>",
    "&lt;b&gt;",
    "&#x3c;b&#x3e;",
    "</title><script>",
    "<base href=//evil.example>",
    "<meta http-equiv=refresh content=0>",
    "<br><br>",
    "<svg/onload=alert(1)>",
    "javascript:alert(1)",
]
QUOTES = [
    '"',
    "'",
    '\\"',
    "\\",
    "\\n",
    "\\,",
    ";",
    ",",
    ":",
    '";X=Y:Z',
    "^n",
    "^'",
    "=?utf-8?q?Bcc:_a?=",
    "=?utf-8?B?DQpCY2M6IGE=?=",
    "(comment)",
    "<a@evil.example>",
    "a@evil.example, b@evil.example",
    "a <a@evil.example>, b",
    "@",
    "undisclosed:;",
    "=cmd|'/C calc'!A0",
    "+1+1",
    "-1",
    "@SUM(1)",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "${7*7}",
    "%s%n",
    "{0}",
    "{host.__class__}",
    "..",
    "\U0001f600",
    "e\u0301" * 20,
    "\u0628\u0631\u0646",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\u200b",
    "\u00ad",
    "ﷺ",
]
LONG = ["x" * 200, "ü" * 200, "word " * 40, "日" * 200, "x" * 201]
LONGER = ["y" * 998, "y" * 999, "ü" * 1000, "z" * 2000, "word " * 399, "日" * 2000, "z" * 2001]
ADDRESSES = [
    "grace@guest.example\r\nBcc: victim@evil.example",
    "grace@guest.example\n",
    "grace@guest.example, victim@evil.example",
    "grace@guest.example;victim@evil.example",
    "grace@guest.example>",
    "<grace@guest.example>",
    "Grace <grace@guest.example>",
    '"grace\r\n"@guest.example',
    '"a b"@guest.example',
    '"a@b"@guest.example',
    "grace@guest.example SIZE=1",
    "grace@guest.example> NOTIFY=NEVER",
    "grace\x00@guest.example",
    "grace\u202e@guest.example",
    "grace@guest.example\u202e",
    "grace@[127.0.0.1]",
    "grace@guest..example",
    ".grace@guest.example",
    "grace@-guest.example",
    "a" * 64 + "@guest.example",
    "a" * 65 + "@guest.example",
    "g@" + "d" * 63 + ".example",
    "g@" + ".".join(["d" * 50] * 6),
    "gräce@guest.example",
    "grace@gäste.example",
    "用户@例子.example",
    "grace+tag@guest.example",
    "gr'ace@guest.example",
    "gr%ace@guest.example",
    "gr=ace@guest.example",
    "=?utf-8?q?a?=@guest.example",
    "gr{0}ace@guest.example",
    "gr&ace@guest.example",
    "gr?subject=x@guest.example",
    "gr/ace@guest.example",
    "gr|ace@guest.example",
    "gr`id`ace@guest.example",
    "gr$ace@guest.example",
    "-oQ/tmp@guest.example",
    "mailto:grace@guest.example",
]


def iterate_bookings() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each with what is wrong with it, for a harmless guest but for one field."""
    for end in LINES:
        for number, injected_text in enumerate(INJECTED[:4]):
            yield (
                f"line {end!a} {number} in name",
                {"guest": {**GUEST, "name": f"Grace{end}{injected_text}"}, "notes": NOTES},
            )
    for end in LINES:
        yield f"line {end!a} in notes", {"guest": GUEST, "notes": f"See you{end}{INJECTED[3]}{end}END:VCALENDAR"}
    for injected_text in INJECTED[4:]:
        yield f"{injected_text!a} in notes", {"guest": GUEST, "notes": f"See\r\n{injected_text}\r\nyou"}
    for text in [*TURNING, *MARKUP, *QUOTES, *LONG]:
        yield f"{text[:30]!a} in name", {"guest": {**GUEST, "name": f"{text}"}, "notes": NOTES}
    for text in [*TURNING, *MARKUP, *QUOTES[:9], *LONGER]:
        yield f"{text[:30]!a} in notes", {"guest": GUEST, "notes": f"{text}"}
    for text in ADDRESSES:
        yield f"{text[:40]!a} as address", {"guest": {**GUEST, "email": text}, "notes": NOTES}
