"""Nothing that a guest types becomes a header, a second reader, another property of a calendar, markup or a row."""

import csv
import io
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Any

import pytest

from tests.api.pages.page_client import Visitor
from tests.api.refusals import head
from tests.api_driver import GUEST
from tests.integrations.mail.conftest import Desk
from tests.integrations.mail.hostile_guests import NOTES, bookings
from tests.integrations.mail.smtp_server import calendar_of, part

FREE = {"br"}  # a line of the notes each
SURELY_REFUSED = 40
SURELY_TAKEN = 90


class Tags(HTMLParser):
    """The tags of a page in their order, with the names of their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, ...]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in FREE:
            self.found.append((tag, *(name for name, _ in attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.found.append(("/", tag))

    def handle_comment(self, data: str) -> None:
        self.found.append(("!",))


def structure(mail: EmailMessage) -> Any:
    """Everything about a mail but the words in it."""
    calendar = calendar_of(mail)
    return [
        [name for name, _ in mail.items()],
        [one.get_content_type() for one in mail.walk()],
        len(mail["To"].addresses),
        len(mail["Reply-To"].addresses) if "Reply-To" in mail else 1,
        len(mail["From"].addresses),
        Tags(part(mail, "text/html")).found,
        [(one.name, sorted(names(one))) for one in calendar.walk()],
        max(len(line) for line in mail.as_bytes().split(b"\n")) <= 998,
    ]


def as_utf8(text: str) -> str:
    """A text of a header that came as raw UTF-8."""
    return text.encode(errors="surrogateescape").decode()


def names(component: Any) -> list[str]:
    """The names of a component's own properties, one for each of them."""
    return [name for name, value in component.items() for _ in (value if isinstance(value, list) else [value])]


@pytest.fixture
def all_of_them(desk: Desk) -> dict[str, tuple[dict[str, Any], str, str]]:
    """A harmless booking and the hostile ones that were taken: what was sent, the id and the manage code of each."""
    desk.house.link("Talk", slug="talk")
    starts = iter(desk.house.slots("talk", days=9))
    taken: dict[str, tuple[dict[str, Any], str, str]] = {}
    refused = 0
    hostile = ((f"{number}: {what}", body) for number, (what, body) in enumerate(bookings()))
    for what, body in (("harmless", {"guest": GUEST, "notes": NOTES}), *hostile):
        before = head(desk.house)
        answer = desk.house.send("POST", "/v1/book/talk", {"start": next(starts), **body})
        if answer.status_code == 201:
            made = answer.json()
            taken[what] = (body, made["booking"]["id"], made["manage_url"].rsplit("/", 1)[1])
            continue
        assert answer.status_code == 422, what
        fields = [error["field"] for error in answer.json()["errors"]]
        assert fields in (["guest.name"], ["guest.email"], ["notes"]), (what, fields)
        assert head(desk.house) == before
        refused += 1
    assert refused + len(taken) - 1 >= 200
    assert refused >= SURELY_REFUSED
    assert len(taken) >= SURELY_TAKEN
    return taken


def test_has_the_structure_of_harmless_ones(
    desk: Desk, all_of_them: dict[str, tuple[dict[str, Any], str, str]]
) -> None:
    desk.deliver()
    by_id: dict[str, dict[str, EmailMessage]] = {}
    for mail, (_, to) in zip(desk.box.mails, desk.box.envelopes, strict=True):
        [reader] = to
        [entry] = calendar_of(mail).walk("VEVENT")
        kind = "host" if reader == "member@nexora.example" else "guest"
        by_id.setdefault(str(entry["UID"]).partition("@")[0], {})[kind] = mail
        assert as_utf8(mail["To"].addresses[0].addr_spec) == reader
    _, harmless_id, harmless_code = all_of_them["harmless"]
    wanted = {kind: structure(mail) for kind, mail in by_id[harmless_id].items()}
    visitor = Visitor(desk.house, "member")
    pages = {
        path: Tags(visitor.get(path).text).found for path in (f"/m/{harmless_code}", f"/meeting-log/{harmless_id}")
    }
    guests, hosts = pages.values()
    for what, (body, id, code) in all_of_them.items():
        found = {kind: structure(mail) for kind, mail in by_id[id].items()}
        if not body["guest"]["email"].rpartition("@")[0].isascii():
            found["host"][0].insert(2, "Reply-To")  # not every server can answer there, so nobody is asked to
        assert found == wanted, what
        assert NOTES not in part(by_id[id]["guest"], "text/plain")  # nor any other notes: a mail advertises nothing
        assert Tags(visitor.get(f"/m/{code}").text).found == guests, what
        assert Tags(visitor.get(f"/meeting-log/{id}").text).found == hosts, what
    desk.follow()
    answer = desk.house.client.get("/v1/meeting-log", headers={**desk.house.headers("manager"), "Accept": "text/csv"})
    rows = list(csv.reader(io.StringIO(answer.text, newline="")))
    assert {len(row) for row in rows} == {len(rows[0])}
    assert len(rows) == len(all_of_them) + 1
