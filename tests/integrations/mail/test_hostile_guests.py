"""Nothing that a guest types becomes a header, a second reader, another property of a calendar, markup or a row."""

import csv
import io
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Any

import pytest

from tests.api.pages.page_client import PageClient
from tests.api.refusals import find_last_position
from tests.api_driver import GUEST
from tests.integrations.mail.hostile_guests import NOTES, iterate_bookings
from tests.integrations.mail.outbox_driver import OutboxDriver
from tests.integrations.mail.smtp_server import get_part, parse_calendar

FREE = {"br", "bdi"}  # a line of the notes each
SURELY_REFUSED = 40
SURELY_TAKEN = 90


class TagParser(HTMLParser):
    """The tags of a page in their order, with the names of their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, ...]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in FREE:
            self.tags.append((tag, *(name for name, _ in attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in FREE:
            self.tags.append(("/", tag))

    def handle_comment(self, data: str) -> None:
        self.tags.append(("!",))


def describe_structure(message: EmailMessage) -> Any:
    """Describe everything of a message except its text."""
    calendar = parse_calendar(message)
    return [
        [name for name, _ in message.items()],
        [message_part.get_content_type() for message_part in message.walk()],
        len(message["To"].addresses),
        len(message["Reply-To"].addresses) if "Reply-To" in message else 1,
        len(message["From"].addresses),
        TagParser(get_part(message, "text/html")).tags,
        [(component.name, sorted(list_property_names(component))) for component in calendar.walk()],
        max(len(line) for line in message.as_bytes().split(b"\n")) <= 998,
    ]


def decode_utf8(text: str) -> str:
    """A text of a header that came as raw UTF-8."""
    return text.encode(errors="surrogateescape").decode()


def list_property_names(component: Any) -> list[str]:
    """The names of a component's own properties, one for each of them."""
    return [name for name, value in component.items() for _ in (value if isinstance(value, list) else [value])]


@pytest.fixture
def hostile_bookings(outbox: OutboxDriver) -> dict[str, tuple[dict[str, Any], str, str]]:
    """A harmless booking and the accepted hostile ones: by description the request body, the id and the manage code."""
    outbox.api.patch(f"/v1/meeting-types/{outbox.api.ids['type']}", {"reminders_minutes": []}, "admin")
    outbox.api.create_link("Talk", slug="talk")
    starts = iter(outbox.api.list_slots("talk", days=9))
    accepted: dict[str, tuple[dict[str, Any], str, str]] = {}
    refused_count = 0
    hostile = ((f"{number}: {description}", body) for number, (description, body) in enumerate(iterate_bookings()))
    for description, body in (("harmless", {"guest": GUEST, "notes": NOTES}), *hostile):
        position_before = find_last_position(outbox.api)
        response = outbox.api.send_request("POST", "/v1/book/talk", {"start": next(starts), **body})
        if response.status_code == 201:
            booking = response.json()
            accepted[description] = (body, booking["booking"]["id"], booking["manage_url"].rsplit("/", 1)[1])
            continue
        assert response.status_code == 422, description
        fields = [error["field"] for error in response.json()["errors"]]
        assert fields in (["guest.name"], ["guest.email"], ["notes"]), (description, fields)
        assert find_last_position(outbox.api) == position_before
        refused_count += 1
    assert refused_count + len(accepted) - 1 >= 200
    assert refused_count >= SURELY_REFUSED
    assert len(accepted) >= SURELY_TAKEN
    return accepted


def test_has_the_structure_of_harmless_ones(
    outbox: OutboxDriver, hostile_bookings: dict[str, tuple[dict[str, Any], str, str]]
) -> None:
    outbox.deliver_all()
    by_id: dict[str, dict[str, EmailMessage]] = {}
    for message, (_, to) in zip(outbox.smtp_server.messages, outbox.smtp_server.envelopes, strict=True):
        [reader] = to
        [entry] = parse_calendar(message).walk("VEVENT")
        kind = "host" if reader == "member@nexora.example" else "guest"
        by_id.setdefault(str(entry["UID"]).partition("@")[0], {})[kind] = message
        assert decode_utf8(message["To"].addresses[0].addr_spec) == reader
    _, harmless_id, harmless_code = hostile_bookings["harmless"]
    expected = {kind: describe_structure(message) for kind, message in by_id[harmless_id].items()}
    page_client = PageClient(outbox.api, "member")
    pages = {
        path: TagParser(page_client.get(path).text).tags
        for path in (f"/m/{harmless_code}", f"/meeting-log/{harmless_id}")
    }
    guests, hosts = pages.values()
    for description, (_, id, code) in hostile_bookings.items():
        structures = {kind: describe_structure(message) for kind, message in by_id[id].items()}
        if not decode_utf8(by_id[id]["guest"]["To"].addresses[0].username).isascii():
            structures["host"][0].insert(2, "Reply-To")  # not every server can answer there, so nobody is asked to
        assert structures == expected, description
        assert NOTES not in get_part(by_id[id]["guest"], "text/plain")  # nor any other notes: a mail advertises nothing
        assert TagParser(page_client.get(f"/m/{code}").text).tags == guests, description
        assert TagParser(page_client.get(f"/meeting-log/{id}").text).tags == hosts, description
    outbox.wait_for_read_models()
    response = outbox.api.client.get(
        "/v1/meeting-log", headers={**outbox.api.build_headers("manager"), "Accept": "text/csv"}
    )
    rows = list(csv.reader(io.StringIO(response.text, newline="")))
    assert {len(row) for row in rows} == {len(rows[0])}
    assert len(rows) == len(hostile_bookings) + 1
