"""The history as auditors read it: every event a sentence, with the names of then, what changed, and what is erased."""

import json
import re
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from domain.event import Event
from domain.link import LinkDisabled, LinkUpdated
from replay.history import event_history
from replay.history.event_history import HistoryFilters
from replay.history.sentences import SENTENCES
from store.database import Database
from tests.api_driver import GUEST, House, code_of
from tests.projections.story import Story

IN_THE_CONTRACT = {
    *("PersonAdded", "PersonUpdated", "MeetingTypeCreated", "MeetingTypeUpdated", "ManagedLinkCreated"),
    *("ManagedLinkUpdated", "LinkCreated", "LinkUpdated", "LinkDisabled", "LinkEnabled", "LinkDeleted"),
    *("SingleUseIssued", "DirectIssued", "SingleUseRevoked", "MeetingBooked", "Rescheduled", "MeetingCancelled"),
    *("CalendarConflictFound", "CalendarWritten", "CalendarFailed", "CalendarRequested"),
    *("MeetingReassigned", "PersonDeactivated", "PersonActivated", "PersonalDetailsErased"),
}
OF_MAIL = {"MailSent", "MailFailed", "MailRequested"}
ROW = {"position", "recorded_at", "occurred_at", "stream_id", "version", "type", "actor", "request_id", "data"}
MORE = {"source", "sentence", "changes", "details", "erased"}


def story_of(house: House, id: str, who: str = "auditor") -> list[Any]:
    """One stream's history."""
    return house.get(f"/v1/history/streams/{id}", who)["items"]  # type: ignore[no-any-return]


def sentences(rows: list[Any]) -> list[str]:
    """What they say, times of day aside."""
    return [re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "THEN", row["sentence"]) for row in rows]


def test_every_event_has_a_sentence() -> None:
    assert {name.split(".")[0] for name in Event.catalogue} <= SENTENCES.keys()
    assert SENTENCES.keys() == IN_THE_CONTRACT | OF_MAIL


@pytest.fixture(scope="module")
def acme(shared_house: House) -> dict[str, Any]:
    """What was told to those who only read."""
    return told_in(shared_house)


def told_in(house: House) -> dict[str, Any]:
    """A link with two single-use links: one booked, moved and cancelled, one revoked; then everything is renamed."""
    link = house.link("Technical deep dive", slug="deep", co_host_ids=[house.ids["engineer"]])
    body = {"recipients": [{"name": "Ann Lee", "email": "ann@acme.example"}], "label": "Acme", "source": "extension"}
    [first] = house.post(f"/v1/links/{link['id']}/single-use", body, "member", 201)["items"]
    [second] = house.post(f"/v1/links/{link['id']}/single-use", {}, "member", 201)["items"]
    starts = house.slots(first["code"])
    booked = house.post(
        f"/v1/book/{first['code']}", {"start": starts[0], "guest": GUEST, "notes": "see you"}, None, 201
    )
    house.post(f"/v1/manage/{code_of(booked['manage_url'])}/reschedule", {"start": starts[5]})
    house.post(f"/v1/bookings/{first['id']}/cancel", {"reason": "ill\nand tired"}, "member")
    house.post(f"/v1/single-use/{second['id']}/revoke", {"reason": "by mistake"}, "manager")
    direct = house.book("deep", starts[8])["booking"]["id"]
    house.patch(
        f"/v1/links/{link['id']}", {"name": "Dive", "co_host_ids": [], "expires_at": "2031-01-01T00:00:00Z"}, "member"
    )
    house.patch(f"/v1/people/{house.ids['member']}", {"name": "Julio"}, "admin")
    house.post(f"/v1/links/{link['id']}/disable", None, "member")
    house.post(f"/v1/links/{link['id']}/enable", None, "member")
    house.send("DELETE", f"/v1/links/{link['id']}", who="member")
    return {"link": link["id"], "first": first["id"], "second": second["id"], "direct": direct, "starts": starts}


class TestSentences:
    def test_of_a_single_use_link(self, shared_house: House, acme: dict[str, Any]) -> None:
        assert sentences(story_of(shared_house, acme["first"])) == [
            "Member issued a single-use link of “Technical deep dive” for Ann Lee (Acme).",
            "The guest Grace Guest booked “Intro” with Member and Engineer for THEN"
            " through a single-use link of “Technical deep dive”.",
            "The guest Grace Guest moved “Intro” with Member and Engineer from THEN to THEN.",
            "Member cancelled “Intro” with the guest Grace Guest of THEN, saying “ill and tired”.",
        ]
        assert sentences(story_of(shared_house, acme["second"])) == [
            "Member issued a single-use link of “Technical deep dive”.",
            "Manager revoked the single-use link of “Technical deep dive”, saying “by mistake”.",
        ]

    def test_of_a_booking_on_a_core_link(self, shared_house: House, acme: dict[str, Any]) -> None:
        assert sentences(story_of(shared_house, acme["direct"])) == [
            "A guest came to book on the link “Technical deep dive”.",
            "The guest Grace Guest booked “Intro” with Member and Engineer for THEN through the link"
            " “Technical deep dive”.",
        ]

    def test_of_a_link_with_the_names_of_then(self, shared_house: House, acme: dict[str, Any]) -> None:
        assert sentences(story_of(shared_house, acme["link"])) == [
            "Member published the link “Technical deep dive” of “Intro” for Member.",
            "Member changed the link “Technical deep dive”: name from “Technical deep dive” to “Dive”;"
            " co host from “Engineer” to none; expires at from none to THEN.",
            "Julio switched off the link “Dive”.",
            "Julio switched on the link “Dive” again.",
            "Julio deleted the link “Dive”.",
        ]

    def test_of_people_types_and_managed_links(self, house: House) -> None:
        house.post(f"/v1/people/{house.ids['engineer']}/deactivate", None, "admin")
        house.post(f"/v1/people/{house.ids['engineer']}/activate", None, "admin")
        house.patch(f"/v1/people/{house.ids['engineer']}", {"roles": ["member", "manager"]}, "admin")
        house.patch(f"/v1/meeting-types/{house.ids['type']}", {"duration_minutes": 45}, "admin")
        body = {"name": "All", "slug": "all", "meeting_type_id": house.ids["type"],
                "host_ids": [house.ids["engineer"], house.ids["member"]]}  # fmt: skip
        managed = house.post("/v1/managed-links", body, "manager", 201)
        house.patch(f"/v1/managed-links/{managed['id']}", {"host_ids": [house.ids["member"]]}, "manager")
        assert sentences(story_of(house, house.ids["engineer"])) == [
            "The system added “Engineer” (member).",
            "Engineer changed “Engineer”: weekly hours.",
            "Admin deactivated “Engineer”.",
            "Admin activated “Engineer” again.",
            "Admin changed “Engineer”: roles from “member” to “member” and “manager”.",
        ]
        assert sentences(story_of(house, house.ids["type"])) == [
            "Admin created the meeting type “Intro” (30 minutes).",
            "Admin changed the meeting type “Intro”: duration minutes from 30 to 45.",
        ]
        assert sentences(story_of(house, managed["id"])) == [
            "Manager created the managed link “All” of “Intro” for Engineer and Member.",
            "Manager changed the managed link “All”: host from “Engineer” and “Member” to “Member”.",
        ]
        [link] = [row for row in house.get(f"/v1/managed-links/{managed['id']}/links", "manager")["items"]
                  if row["owner"]["name"] == "Member"]  # fmt: skip
        assert sentences(story_of(house, link["id"]))[0].startswith("Manager published the managed link “All")

    def test_of_an_erasure(self, database: Database, story: Story) -> None:
        link = story.link(story.person("Ada"), story.meeting_type())
        token = story.issue(link, story.person("Bob"), "Grace")
        [issued] = database.rows("SELECT data FROM {schema}.events WHERE stream_id = %s", (token,))
        erasure = uuid4()
        for stream, ids in ((token, [issued["data"]["details_id"]]), (erasure, [])):
            erased = {"details_ids": ids, "erasure_id": str(erasure), "actor": {"kind": "system"}}
            story.bad_event(stream, "PersonalDetailsErased.v1", erased)
        pages = [event_history.stream(database, stream) for stream in (token, erasure)]
        assert [page and page.items[-1]["sentence"] for page in pages] == [
            "The system erased the personal details of a single-use link of “Meet me”.",
            "The system ended an erasure of the personal details of a guest or recipient.",
        ]

    def test_of_what_no_program_of_ours_has_written(self, database: Database, story: Story) -> None:
        link = story.link(story.person("Ada"), story.meeting_type())
        for name in ("LinkUpdated.v1", "MeetingBooked.v1", "PersonAdded.v2", "Unheard.v1", "LinkDisabled"):
            data: dict[str, Any] = {
                "host_ids": "x",
                "actor": 7,
                "roles": 7,
                "name": 7,
                "details_id": "no",
                "occurred_at": "?",
            }
            story.bad_event(link, name, data)
        story.bad_event(
            link, "Rescheduled.v1", {"starts_at": "0001-01-01T00:00:00+23:59", "actor": {"id": 7, "kind": []}}
        )
        page = event_history.stream(database, link)
        assert page is not None
        assert len(page.items) == 7
        assert "does not know: Unheard.v1" in page.items[4]["sentence"]
        assert page.items[1]["occurred_at"] is None


class TestRows:
    def test_have_what_the_contract_names(self, shared_house: House, acme: dict[str, Any]) -> None:
        issued, booked, moved, _ = story_of(shared_house, acme["first"])
        assert issued.keys() == ROW | MORE
        assert issued["actor"] == {"kind": "person", "id": shared_house.ids["member"], "name": "Member"}
        assert (issued["type"], issued["version"], issued["source"]) == ("SingleUseIssued.v1", 1, "extension")
        assert issued["data"]["link_id"] == acme["link"]
        assert booked["actor"] == {"kind": "guest", "id": None, "name": None}
        assert booked["request_id"] == booked["data"]["request_id"]
        assert issued["position"] < booked["position"]
        assert booked["recorded_at"].endswith("Z")
        assert booked["occurred_at"] == booked["data"]["occurred_at"]
        assert moved["changes"][0] == {"field": "starts_at", "from": acme["starts"][0], "to": acme["starts"][5]}

    def test_say_what_changed(self, shared_house: House, acme: dict[str, Any]) -> None:
        engineer = {"id": shared_house.ids["engineer"], "name": "Engineer"}
        rows = story_of(shared_house, acme["link"])
        assert rows[1]["changes"] == [
            {"field": "name", "from": "Technical deep dive", "to": "Dive"},
            {"field": "co_host_ids", "from": [engineer], "to": []},
            {"field": "expires_at", "from": None, "to": "2031-01-01T00:00:00Z"},
        ]
        assert [row["changes"] for row in (rows[0], *rows[2:])] == [[], [], [], []]

    def test_show_personal_details_until_they_are_erased(self, house: House, superuser_url: str) -> None:
        acme = told_in(house)
        issued, booked, _, cancelled = story_of(house, acme["first"], "admin")
        assert issued["details"]["recipient"] == {"name": "Ann Lee", "email": "ann@acme.example"}
        assert booked["details"] == {"guest": GUEST, "notes": "see you"}
        assert cancelled["details"] == {"reason": "ill\nand tired"}
        assert not any(row["erased"] for row in (issued, booked, cancelled))
        with psycopg.connect(superuser_url) as connection:
            connection.execute(house.oncelink.database.text("DELETE FROM {schema}.personal_details"))
        rows = story_of(house, acme["first"])
        assert [(row["details"], row["erased"]) for row in rows] == [
            (None, True),
            (None, True),
            (None, False),
            (None, True),
        ]
        assert sentences(rows) == [
            "Member issued a single-use link of “Technical deep dive” (details erased).",
            "The guest (details erased) booked “Intro” with Member and Engineer for THEN"
            " through a single-use link of “Technical deep dive”.",
            "The guest (details erased) moved “Intro” with Member and Engineer from THEN to THEN.",
            "Member cancelled “Intro” with the guest (details erased) of THEN (reason: details erased).",
        ]
        for gone in ("Ann", "Grace", "grace@", "ill"):
            assert gone not in json.dumps(rows)

    def test_keep_a_busy_feed_from_auditors(self, house: House) -> None:
        secret = "https://calendar.example/zqxsecret"
        house.patch(f"/v1/people/{house.ids['engineer']}", {"busy_feed_url": secret}, "admin")
        row = story_of(house, house.ids["engineer"])[-1]
        assert row["changes"] == [{"field": "busy_feed_url", "from": "hidden", "to": "hidden"}]
        assert "zqxsecret" not in json.dumps(row)
        assert "zqxsecret" not in json.dumps(house.get("/v1/history?sort=-position", "auditor"))
        assert story_of(house, house.ids["engineer"], "admin")[-1]["data"]["busy_feed_url"] == secret


def test_an_update_is_compared_with_its_own_stream(database: Database, story: Story) -> None:
    ada, intro = story.person("Ada"), story.meeting_type()
    one, two = story.link(ada, intro, "One"), story.link(ada, intro, "Two")
    story.tell(one, LinkDisabled)
    story.tell(one, LinkUpdated, **story.link_properties(ada, intro, "One more"))
    story.tell(two, LinkUpdated, **story.link_properties(ada, intro, "Two"))
    rows = event_history.page(database, HistoryFilters(type="LinkUpdated")).items
    assert [[change["from"] for change in row["changes"]] for row in rows] == [["One", "one"], []]
