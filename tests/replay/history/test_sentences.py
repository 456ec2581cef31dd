"""The history as auditors read it: a sentence for every event, with the names of then, changes and erasures."""

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
from tests.api_driver import GUEST, ApiDriver, extract_code
from tests.projections.story import LogBuilder

CONTRACT_SENTENCES = {
    *("PersonAdded", "PersonUpdated", "MeetingTypeCreated", "MeetingTypeUpdated", "ManagedLinkCreated"),
    *("ManagedLinkUpdated", "LinkCreated", "LinkUpdated", "LinkDisabled", "LinkEnabled", "LinkDeleted"),
    *(
        "SingleUseIssued",
        "SingleUseSendRequested",
        "DirectIssued",
        "SingleUseRevoked",
        "MeetingBooked",
        "Rescheduled",
        "MeetingCancelled",
    ),
    *("CalendarConflictFound", "CalendarWritten", "CalendarFailed", "CalendarRequested"),
    *("PersonInvited", "OrganisationUpdated", "NewLinkRequested"),
    *("NoShowMarked", "NoShowUnmarked"),
    *("TeamCreated", "TeamUpdated", "TeamDeleted"),
    *("ManagedLinkDisabled", "ManagedLinkEnabled", "ManagedLinkDeleted"),
    *("MeetingReassigned", "PersonDeactivated", "PersonActivated", "PersonalDetailsErased"),
}
MAIL_EVENTS = {"MailSent", "MailFailed", "MailRequested"}
BASE_FIELDS = {"position", "recorded_at", "occurred_at", "stream_id", "version", "type", "actor", "request_id", "data"}
EXTRA_FIELDS = {"source", "sentence", "changes", "details", "erased"}


def fetch_stream_history(api: ApiDriver, id: str, who: str = "auditor") -> list[Any]:
    """Fetch the history of one stream."""
    return api.get(f"/v1/history/streams/{id}", who)["items"]  # type: ignore[no-any-return]


def extract_sentences(rows: list[Any]) -> list[str]:
    """Extract the sentences, without times of day."""
    return [re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "THEN", row["sentence"]) for row in rows]


def test_every_event_has_a_sentence() -> None:
    assert {name.split(".")[0] for name in Event.catalogue} <= SENTENCES.keys()
    assert SENTENCES.keys() == CONTRACT_SENTENCES | MAIL_EVENTS


@pytest.fixture(scope="module")
def acme(shared_api: ApiDriver) -> dict[str, Any]:
    """The ids of a history that tests only read."""
    return create_history(shared_api)


def create_history(api: ApiDriver) -> dict[str, Any]:
    """Create a link with two single-use links: one booked, moved and cancelled, one revoked. Then rename everything."""
    link = api.create_link("Technical deep dive", slug="deep", co_host_ids=[api.ids["engineer"]])
    body = {"recipients": [{"name": "Ann Lee", "email": "ann@acme.example"}], "label": "Acme", "source": "extension"}
    [first] = api.post(f"/v1/links/{link['id']}/single-use", body, "member", 201)["items"]
    [second] = api.post(f"/v1/links/{link['id']}/single-use", {}, "member", 201)["items"]
    starts = api.list_slots(first["code"])
    booking = api.post(f"/v1/book/{first['code']}", {"start": starts[0], "guest": GUEST, "notes": "see you"}, None, 201)
    api.post(f"/v1/manage/{extract_code(booking['manage_url'])}/reschedule", {"start": starts[5]})
    api.post(f"/v1/bookings/{first['id']}/cancel", {"reason": "ill\nand tired"}, "member")
    api.post(f"/v1/single-use/{second['id']}/revoke", {"reason": "by mistake"}, "manager")
    direct_booking_id = api.book_meeting("deep", starts[8])["booking"]["id"]
    api.patch(
        f"/v1/links/{link['id']}", {"name": "Dive", "co_host_ids": [], "expires_at": "2031-01-01T00:00:00Z"}, "member"
    )
    api.patch(f"/v1/people/{api.ids['member']}", {"name": "Julio"}, "admin")
    api.post(f"/v1/links/{link['id']}/disable", None, "member")
    api.post(f"/v1/links/{link['id']}/enable", None, "member")
    api.send_request("DELETE", f"/v1/links/{link['id']}", who="member")
    return {
        "link": link["id"],
        "first": first["id"],
        "second": second["id"],
        "direct": direct_booking_id,
        "starts": starts,
    }


class TestSentences:
    def test_of_a_single_use_link(self, shared_api: ApiDriver, acme: dict[str, Any]) -> None:
        assert extract_sentences(fetch_stream_history(shared_api, acme["first"])) == [
            "Member issued a single-use link of “Technical deep dive” for Ann Lee (Acme).",
            "The guest Grace Guest booked “Intro” with Member and Engineer for THEN"
            " through a single-use link of “Technical deep dive”.",
            "The guest Grace Guest moved “Intro” with Member and Engineer from THEN to THEN.",
            "Member cancelled “Intro” with the guest Grace Guest of THEN, saying “ill and tired”.",
        ]
        assert extract_sentences(fetch_stream_history(shared_api, acme["second"])) == [
            "Member issued a single-use link of “Technical deep dive”.",
            "Manager revoked the single-use link of “Technical deep dive”, saying “by mistake”.",
        ]

    def test_of_a_booking_on_a_core_link(self, shared_api: ApiDriver, acme: dict[str, Any]) -> None:
        assert extract_sentences(fetch_stream_history(shared_api, acme["direct"])) == [
            "A guest came to book on the link “Technical deep dive”.",
            "The guest Grace Guest booked “Intro” with Member and Engineer for THEN through the link"
            " “Technical deep dive”.",
        ]

    def test_of_a_link_with_the_names_of_then(self, shared_api: ApiDriver, acme: dict[str, Any]) -> None:
        assert extract_sentences(fetch_stream_history(shared_api, acme["link"])) == [
            "Member published the link “Technical deep dive” of “Intro” for Member.",
            "Member changed the link “Technical deep dive”: name from “Technical deep dive” to “Dive”;"
            " co host from “Engineer” to none; expires at from none to THEN.",
            "Julio switched off the link “Dive”.",
            "Julio switched on the link “Dive” again.",
            "Julio deleted the link “Dive”.",
        ]

    def test_isolates_a_name_that_reads_from_right_to_left(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link("שיחה", slug="isolated")
        start = shared_api.list_slots("isolated")[-1]
        body = {"start": start, "guest": {**GUEST, "name": "מרים (ירושלים) 7"}}
        booking = shared_api.post("/v1/book/isolated", body, None, 201)["booking"]
        booked = fetch_stream_history(shared_api, booking["id"])[1]["sentence"]
        assert "The guest \u2068מרים (ירושלים) 7\u2069 booked “Intro” with " in booked
        assert booked.endswith("through the link “\u2068שיחה\u2069”.")
        assert fetch_stream_history(shared_api, link["id"])[0]["changes"] == []

    def test_of_people_types_and_managed_links(self, api: ApiDriver) -> None:
        api.post(f"/v1/people/{api.ids['engineer']}/deactivate", None, "admin")
        api.post(f"/v1/people/{api.ids['engineer']}/activate", None, "admin")
        api.patch(f"/v1/people/{api.ids['engineer']}", {"roles": ["member", "manager"]}, "admin")
        api.patch(f"/v1/meeting-types/{api.ids['type']}", {"duration_minutes": 45}, "admin")
        body = {"name": "All", "slug": "all", "meeting_type_id": api.ids["type"],
                "host_ids": [api.ids["engineer"], api.ids["member"]]}  # fmt: skip
        managed_link = api.post("/v1/managed-links", body, "manager", 201)
        api.patch(f"/v1/managed-links/{managed_link['id']}", {"host_ids": [api.ids["member"]]}, "manager")
        assert extract_sentences(fetch_stream_history(api, api.ids["engineer"])) == [
            "The system added “Engineer” (member).",
            "Engineer changed “Engineer”: weekly hours.",
            "Admin deactivated “Engineer”.",
            "Admin activated “Engineer” again.",
            "Admin changed “Engineer”: roles from “member” to “member” and “manager”.",
        ]
        assert extract_sentences(fetch_stream_history(api, api.ids["type"])) == [
            "Admin created the meeting type “Intro” (30 min).",
            "Admin changed the meeting type “Intro”: duration from 30 min to 45 min.",
        ]
        assert extract_sentences(fetch_stream_history(api, managed_link["id"])) == [
            "Manager created the managed link “All” of “Intro” for Engineer and Member.",
            "Manager changed the managed link “All”: host from “Engineer” and “Member” to “Member”.",
        ]
        [link] = [row for row in api.get(f"/v1/managed-links/{managed_link['id']}/links", "manager")["items"]
                  if row["owner"]["name"] == "Member"]  # fmt: skip
        assert extract_sentences(fetch_stream_history(api, link["id"]))[0].startswith(
            "Manager published the managed link “All"
        )

    def test_of_an_erasure(self, database: Database, builder: LogBuilder) -> None:
        link = builder.create_link(builder.add_person("Ada"), builder.create_meeting_type())
        token = builder.issue_single_use_link(link, builder.add_person("Bob"), "Grace")
        [issued_event] = database.fetch_rows("SELECT data FROM {schema}.events WHERE stream_id = %s", (token,))
        erasure = uuid4()
        for stream, ids in ((token, [issued_event["data"]["details_id"]]), (erasure, [])):
            payload = {"details_ids": ids, "erasure_id": str(erasure), "actor": {"kind": "system"}}
            builder.append_malformed_event(stream, "PersonalDetailsErased.v1", payload)
        pages = [event_history.list_stream_events(database, stream) for stream in (token, erasure)]
        assert [page and page.items[-1]["sentence"] for page in pages] == [
            "The system erased the personal details of a single-use link of “Meet me”.",
            "The system ended an erasure of the personal details of a guest or recipient.",
        ]

    def test_of_what_no_program_of_ours_has_written(self, database: Database, builder: LogBuilder) -> None:
        link = builder.create_link(builder.add_person("Ada"), builder.create_meeting_type())
        for name in ("LinkUpdated.v1", "MeetingBooked.v1", "PersonAdded.v2", "Unheard.v1", "LinkDisabled"):
            data: dict[str, Any] = {
                "host_ids": "x",
                "actor": 7,
                "roles": 7,
                "name": 7,
                "details_id": "no",
                "occurred_at": "?",
            }
            builder.append_malformed_event(link, name, data)
        builder.append_malformed_event(
            link, "Rescheduled.v1", {"starts_at": "0001-01-01T00:00:00+23:59", "actor": {"id": 7, "kind": []}}
        )
        page = event_history.list_stream_events(database, link)
        assert page is not None
        assert len(page.items) == 7
        assert "does not know: Unheard.v1" in page.items[4]["sentence"]
        assert page.items[1]["occurred_at"] is None


class TestRows:
    def test_have_what_the_contract_names(self, shared_api: ApiDriver, acme: dict[str, Any]) -> None:
        issued_event, booked_event, rescheduled_event, _ = fetch_stream_history(shared_api, acme["first"])
        assert issued_event.keys() == BASE_FIELDS | EXTRA_FIELDS
        assert issued_event["actor"] == {"kind": "person", "id": shared_api.ids["member"], "name": "Member"}
        assert (issued_event["type"], issued_event["version"], issued_event["source"]) == (
            "SingleUseIssued.v1",
            1,
            "extension",
        )
        assert issued_event["data"]["link_id"] == acme["link"]
        assert booked_event["actor"] == {"kind": "guest", "id": None, "name": None}
        assert booked_event["request_id"] == booked_event["data"]["request_id"]
        assert issued_event["position"] < booked_event["position"]
        assert booked_event["recorded_at"].endswith("Z")
        assert booked_event["occurred_at"] == booked_event["data"]["occurred_at"]
        assert rescheduled_event["changes"][0] == {
            "field": "starts_at",
            "from": acme["starts"][0],
            "to": acme["starts"][5],
        }

    def test_say_what_changed(self, shared_api: ApiDriver, acme: dict[str, Any]) -> None:
        engineer = {"id": shared_api.ids["engineer"], "name": "Engineer"}
        rows = fetch_stream_history(shared_api, acme["link"])
        assert rows[1]["changes"] == [
            {"field": "name", "from": "Technical deep dive", "to": "Dive"},
            {"field": "co_host_ids", "from": [engineer], "to": []},
            {"field": "expires_at", "from": None, "to": "2031-01-01T00:00:00Z"},
        ]
        assert [row["changes"] for row in (rows[0], *rows[2:])] == [[], [], [], []]

    def test_show_personal_details_until_they_are_erased(self, api: ApiDriver, superuser_url: str) -> None:
        acme = create_history(api)
        issued_event, booked_event, _, cancelled_event = fetch_stream_history(api, acme["first"], "admin")
        assert issued_event["details"]["recipient"] == {"name": "Ann Lee", "email": "ann@acme.example"}
        assert booked_event["details"] == {"guest": GUEST, "notes": "see you"}
        assert cancelled_event["details"] == {"reason": "ill\nand tired"}
        assert not any(row["erased"] for row in (issued_event, booked_event, cancelled_event))
        with psycopg.connect(superuser_url) as connection:
            connection.execute(api.services.database.compose_query("DELETE FROM {schema}.personal_details"))
        rows = fetch_stream_history(api, acme["first"])
        assert [(row["details"], row["erased"]) for row in rows] == [
            (None, True),
            (None, True),
            (None, False),
            (None, True),
        ]
        assert extract_sentences(rows) == [
            "Member issued a single-use link of “Technical deep dive” (details erased).",
            "The guest (details erased) booked “Intro” with Member and Engineer for THEN"
            " through a single-use link of “Technical deep dive”.",
            "The guest (details erased) moved “Intro” with Member and Engineer from THEN to THEN.",
            "Member cancelled “Intro” with the guest (details erased) of THEN (reason: details erased).",
        ]
        for erased_text in ("Ann", "Grace", "grace@", "ill"):
            assert erased_text not in json.dumps(rows)

    def test_keep_a_busy_feed_from_auditors(self, api: ApiDriver) -> None:
        secret = "https://calendar.example/zqxsecret"
        api.patch(f"/v1/people/{api.ids['engineer']}", {"busy_feed_url": secret}, "admin")
        row = fetch_stream_history(api, api.ids["engineer"])[-1]
        assert row["changes"] == [{"field": "busy_feed_url", "from": "hidden", "to": "hidden"}]
        assert "zqxsecret" not in json.dumps(row)
        assert "zqxsecret" not in json.dumps(api.get("/v1/history?sort=-position", "auditor"))
        assert fetch_stream_history(api, api.ids["engineer"], "admin")[-1]["data"]["busy_feed_url"] == secret


def test_an_update_is_compared_with_its_own_stream(database: Database, builder: LogBuilder) -> None:
    ada, intro = builder.add_person("Ada"), builder.create_meeting_type()
    first_link, second_link = builder.create_link(ada, intro, "One"), builder.create_link(ada, intro, "Two")
    builder.append_event(first_link, LinkDisabled)
    builder.append_event(first_link, LinkUpdated, **builder.build_link_properties(ada, intro, "One more"))
    builder.append_event(second_link, LinkUpdated, **builder.build_link_properties(ada, intro, "Two"))
    rows = event_history.list_events(database, HistoryFilters(type="LinkUpdated")).items
    assert [[change["from"] for change in row["changes"]] for row in rows] == [["One", "one"], []]
