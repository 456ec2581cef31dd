"""GET /v1/as-of/…: what the live lists answered then, is what is answered now about then."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.link import LinkDeleted, LinkDisabled, LinkEnabled, LinkUpdated
from domain.meeting_type import MeetingTypeUpdated
from domain.person import PersonActivated, PersonDeactivated, PersonUpdated
from projections import links, meeting_log, people, single_use_links
from projections.catalogue import READ_MODELS, live
from projections.links import LinkFilters
from projections.meeting_log import MeetingFilters
from projections.queries.query import Source
from projections.single_use_links import SingleUseFilters
from replay import as_of
from replay.as_of import LISTS, AsOf
from replay.instants import Moment
from store.database import Database
from tests.api.refusals import head, listed, refused
from tests.api_driver import House, code_of
from tests.projections.story import DAY, Story, follow

DOCUMENT = json.loads(Path("docs/openapi.json").read_text(encoding="utf-8"))
EMPTY = (
    "TRUNCATE {schema}.events, {schema}.personal_details, {schema}.claims; UPDATE {schema}.follower SET position = 0"
)
SAME = {"email": "p@people.example", "time_zone": "UTC", "roles": ()}
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["person", "rename", "leave", "type", "retype", "link", "relink", "switch", "issue", "issue",
                         "book", "book", "direct", "move", "cancel", "revoke", "follow", "follow"]),
        st.integers(0, 7),
        st.integers(0, 7),
    ),
    max_size=25,
)  # fmt: skip


class Chronicle:
    """Any history, told by numbers: each picks among what there is."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.people = [story.person("Ada")]
        self.types = [story.meeting_type()]
        self.links = [story.link(self.people[0], self.types[0])]
        self.tokens = [story.issue(self.links[0], self.people[0])]

    def happen(self, step: str, one: int, two: int) -> None:
        """One thing that may happen, or may not happen in reality: a fold is total."""
        story = self.story
        person, intro = (kind[one % len(kind)] for kind in (self.people, self.types))
        link, token = self.links[two % len(self.links)], self.tokens[two % len(self.tokens)]
        at = datetime.now(UTC) + timedelta(milliseconds=40 * (one - 3))  # so that links expire meanwhile
        told: Any = {
            "person": lambda: self.people.append(story.person(f"Person {one}")),
            "rename": lambda: story.tell(person, PersonUpdated, name=f"P {two}", **SAME),
            "leave": lambda: story.tell(person, (PersonDeactivated, PersonActivated)[two % 2]),
            "type": lambda: self.types.append(story.meeting_type(f"Type {one}")),
            "retype": lambda: story.tell(intro, MeetingTypeUpdated, name=f"T {two}", duration_minutes=15),
            "link": lambda: self.links.append(story.link(person, intro, f"Link {two}", in_library=two % 2 == 0)),
            "relink": lambda: story.tell(link, LinkUpdated, **story.link_properties(person, intro, "L", expires_at=at)),
            "switch": lambda: story.tell(link, (LinkDisabled, LinkEnabled, LinkDeleted)[one % 3]),
            "issue": lambda: self.tokens.append(story.issue(link, person, ("Grace", None)[one % 2], "label")),
            "direct": lambda: self.tokens.append(story.book(link, [person, self.people[0]], intro, at + DAY)),
            "move": lambda: story.reschedule(token, at, at + DAY * one),
            "cancel": lambda: story.cancel(token),
            "revoke": lambda: story.revoke(token),
            "book": lambda: self.book(link, person, intro, at, token),
        }  # fmt: skip
        told[step]()

    def book(self, link: UUID, person: UUID, intro: UUID, at: datetime, token: UUID) -> None:
        """Books a token, once."""
        booked = "SELECT FROM {schema}.events WHERE stream_id = %s AND type LIKE 'MeetingBooked.%%'"
        if not self.story.database.rows(booked, (token,)):
            self.story.book(link, [person], intro, at + DAY, token, guest=f"Guest {at.microsecond % 3}")


def everything(source: Source, now: datetime) -> dict[str, Any]:
    """What all read models answer, whole and narrowed."""
    found: dict[str, Any] = {name: listing(source, now, 200, None).items for name, listing in LISTS.items()}
    found["searched"] = meeting_log.page(source, MeetingFilters(q="guest"), "starts_at", limit=200).items
    for status in ("active", "booked", "expired", "revoked", "disabled", "deleted"):
        found[status] = single_use_links.page(source, now, SingleUseFilters(status=status), limit=200).items
    found["gone"] = links.page(source, now, LinkFilters(status="deleted"), "name", limit=200).items
    return found


@given(steps=STEPS)
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_as_of_a_position_is_what_was_live_at_it(
    followed: Database, owner_url: str, steps: list[tuple[str, int, int]]
) -> None:
    tables = [row["live_table"] for row in followed.rows("SELECT live_table FROM {schema}.read_models")]
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute(followed.text(EMPTY))
        for table in tables:
            connection.execute(followed.text(f'TRUNCATE {{schema}}."{table}"'))
    story = Story(followed, owner_url)
    chronicle = Chronicle(story)
    was: list[tuple[int, datetime, dict[str, Any]]] = []
    for step in [*steps, ("follow", 0, 0)]:
        if step[0] != "follow":
            chronicle.happen(*step)
            continue
        reached = follow(followed, limit=step[1] + 1)
        then = followed.rows("SELECT recorded_at FROM {schema}.events WHERE position = %s", (reached,))[0][
            "recorded_at"
        ]
        was.append((reached, then, everything(live(followed), then)))
    now = datetime.now(UTC) + DAY
    for reached, then, answers in was:
        asked = AsOf.asked(followed, reached, now)
        assert asked.moment == AsOf.asked(followed, then, now).moment == Moment(reached, then)
        assert everything(asked.source, asked.now) == answers


def test_every_read_model_can_be_asked() -> None:
    assert LISTS.keys() == {model.name for model in READ_MODELS}


def test_rows_of_any_read_model(database: Database, story: Story) -> None:
    for number in range(5):
        story.person(f"Person {number}")
    moment, rows = as_of.rows(database, "people", story.position - 1, datetime.now(UTC), 3)
    assert (moment.position, [row["name"] for row in rows]) == (
        story.position - 1,
        ["Person 3", "Person 2", "Person 1"],
    )
    page = people.page(AsOf.asked(database, 2, datetime.now(UTC)).source)
    assert len(page.items) == 2


def test_a_cursor_keeps_its_position_whatever_is_recorded_since(
    database: Database, story: Story, superuser_url: str
) -> None:
    for number in range(4):
        story.person(f"Person {number}")
    at, end = datetime.now(UTC), story.position
    first = AsOf.asked(database, at, at)
    cursor = first.page(people.page(first.source, limit=2)).next_cursor
    story.person("Late")
    with psycopg.connect(superuser_url) as connection:  # as by a clock that was set back
        moved = "UPDATE {schema}.events SET recorded_at = recorded_at - interval '1 hour' WHERE position > %s"
        connection.execute(database.text(moved), (end,))
    second = AsOf.asked(database, at, at, cursor)
    assert (first.moment, second.moment) == (Moment(end, at), Moment(end, at))
    assert AsOf.asked(database, at, at).moment == Moment(story.position, at)
    assert [row["name"] for row in people.page(second.source, limit=2, cursor=second.cursor).items] == [
        "Person 1",
        "Person 0",
    ]


LIVE = {"/v1/links": "links", "/v1/single-use": "single-use", "/v1/meeting-log": "meeting-log"}


@pytest.mark.parametrize(("path", "name"), LIVE.items())
def test_takes_what_the_live_list_takes_and_answers_the_same(path: str, name: str) -> None:
    """By the OpenAPI document, which is checked against what is answered."""

    def of(path: str) -> tuple[dict[str, Any], Any]:
        operation = DOCUMENT["paths"][path]["get"]
        taken = {one["name"]: one["schema"] for one in operation["parameters"] if one["in"] == "query"}
        return taken, operation["responses"]["200"]["content"]["application/json"]["schema"]

    was, rows = of(path)
    now, then = of(f"/v1/as-of/{name}")
    assert now.pop("at")["type"] == "string"
    assert (now, then) == (was, rows)


@pytest.fixture(scope="module")
def told(shared_house: House) -> dict[str, Any]:
    """A link's life, with what the live lists and single things answered after each step."""
    house, was = shared_house, []
    link = house.link("Before", slug="then", expires_at="2040-01-01T00:00:00Z")
    first, second = (house.post(f"/v1/links/{link['id']}/single-use", {}, "member", 201)["items"][0] for _ in "12")

    def keep() -> None:
        rows = {
            name: listed(house, f"{path}?{'view=all' if 'links' in path else ''}", "auditor")["items"]
            for path, name in LIVE.items()
        }
        ones = {f"links/{link['id']}": house.get(f"/v1/links/{link['id']}", "auditor"),
                f"single-use/{first['id']}": house.get(f"/v1/single-use/{first['id']}", "auditor")}  # fmt: skip
        booked = house.send("GET", f"/v1/bookings/{first['id']}", who="auditor")
        if booked.status_code == 200:
            ones[f"meeting-log/{first['id']}"] = booked.json()
        was.append({"at": head(house), "instant": datetime.now(UTC), "rows": rows, "ones": ones})
        time.sleep(0.01)

    keep()
    starts = house.slots(first["code"])
    manage = code_of(house.book(first["code"], starts[0])["manage_url"])
    keep()
    house.patch(f"/v1/links/{link['id']}", {"name": "After", "expires_at": "2020-01-01T00:00:00Z"}, "member")
    keep()
    house.post(f"/v1/manage/{manage}/reschedule", {"start": starts[4]})
    house.patch(f"/v1/people/{house.ids['member']}", {"name": "Julio"}, "admin")
    house.patch(f"/v1/meeting-types/{house.ids['type']}", {"name": "Introduction"}, "admin")
    keep()
    house.post(f"/v1/manage/{manage}/cancel", {"reason": "ill"})
    house.send("DELETE", f"/v1/links/{link['id']}", who="member")
    keep()
    return {"was": was, "link": link["id"], "first": first["id"], "second": second["id"]}


class TestAsOf:
    @pytest.mark.parametrize("by", ["at", "instant"])
    def test_lists_and_single_things_as_they_were_answered(
        self, shared_house: House, told: dict[str, Any], by: str
    ) -> None:
        house, names = shared_house, set()
        for then in told["was"]:
            at = str(then[by]).replace("+00:00", "Z").replace(" ", "T")
            for name, rows in then["rows"].items():
                found = house.get(f"/v1/as-of/{name}?at={at}{'&view=all' if name == 'links' else ''}", "auditor")[
                    "items"
                ]
                assert found == rows, (name, at)
                names |= {row["link"]["name"] for row in rows if "link" in row}
            for address, row in then["ones"].items():
                assert house.get(f"/v1/as-of/{address}?at={at}", "auditor") == row
        assert {"Before", "After"} <= names

    def test_says_which_position_it_is(self, shared_house: House, told: dict[str, Any]) -> None:
        then = told["was"][1]
        at = then["instant"].isoformat().replace("+00:00", "Z")
        for address in (f"links?at={at}", f"links/{told['link']}?at={at}"):
            answer = shared_house.send("GET", f"/v1/as-of/{address}", who="admin")
            assert answer.headers["Oncelink-As-Of-Position"] == str(then["at"])

    def test_what_was_not_there_yet_is_unknown(self, shared_house: House, told: dict[str, Any]) -> None:
        booked, before = told["was"][1], told["was"][0]
        shared_house.get(f"/v1/as-of/meeting-log/{told['first']}?at={booked['at']}", "auditor")
        for address in (f"meeting-log/{told['first']}?at={before['at']}", f"single-use/{told['first']}?at=2",
                        f"links/{told['link']}?at=2", f"links/{told['first']}?at={booked['at']}",
                        f"single-use/{uuid4()}?at={booked['at']}",
                        f"meeting-log/{uuid4()}?at={booked['at']}"):  # fmt: skip
            refused(shared_house.send("GET", f"/v1/as-of/{address}", who="auditor"), 404, "not_found")

    def test_filters(self, shared_house: House, told: dict[str, Any]) -> None:
        house, after = shared_house, told["was"][3]["at"]
        for query, count in (
            ("status=rescheduled", 1),
            ("status=cancelled", 0),
            ("hide_single_use=true", 0),
            ("q=after", 1),
            ("q=before", 0),
        ):
            found = house.get(f"/v1/as-of/meeting-log?at={after}&link_id={told['link']}&{query}", "auditor")["items"]
            assert len(found) == count, query
        for status, ids in (("expired", {told["second"]}), ("booked", {told["first"]}), ("deleted", set())):
            found = house.get(f"/v1/as-of/single-use?at={after}&link_id={told['link']}&status={status}", "auditor")[
                "items"
            ]
            assert {row["id"] for row in found} == ids

    def test_all_pages_show_the_same_moment(self, shared_house: House) -> None:
        house = shared_house
        link = house.link("Pages")
        house.codes(link, 5)
        at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        address = f"/v1/as-of/single-use?at={at}&link_id={link['id']}&sort=issued_at&limit=2"
        page = house.get(address, "admin")
        items = page["items"]
        house.codes(link, 3)
        house.patch(f"/v1/links/{link['id']}", {"name": "Renamed"}, "member")
        while page["next_cursor"]:
            page = house.get(f"{address}&cursor={page['next_cursor']}", "admin")
            items += page["items"]
        assert len({item["id"] for item in items}) == 5
        assert {item["link"]["name"] for item in items} == {"Pages"}

    def test_a_cursor_belongs_to_its_moment_and_list(self, shared_house: House, told: dict[str, Any]) -> None:
        then = told["was"][1]["at"]
        cursor = shared_house.get(f"/v1/as-of/single-use?at={then}&limit=1", "admin")["next_cursor"]
        live_cursor = listed(shared_house, "/v1/single-use?limit=1", "admin")["next_cursor"]
        for address in (f"/v1/as-of/single-use?at={then + 1}&cursor={cursor}",
                        f"/v1/as-of/links?at={then}&cursor={cursor}",
                        f"/v1/single-use?cursor={cursor}", f"/v1/as-of/single-use?at={then}&cursor={live_cursor}",
                        f"/v1/history?cursor={cursor}"):  # fmt: skip
            refused(shared_house.send("GET", address, who="admin"), 422, "invalid")

    def test_the_code_only_for_its_issuer(self, shared_house: House) -> None:
        link = shared_house.link("Admin's", "admin")
        [own] = shared_house.post(f"/v1/links/{link['id']}/single-use", {}, "admin", 201)["items"]
        at = head(shared_house)
        assert shared_house.get(f"/v1/as-of/single-use/{own['id']}?at={at}", "admin")["code"] == own["code"]
        assert shared_house.get(f"/v1/as-of/single-use/{own['id']}?at={at}", "auditor")["code"] is None

    def test_expired_is_judged_then(self, shared_house: House) -> None:
        house, soon = shared_house, datetime.now(UTC) + timedelta(seconds=1)
        link = house.link("Soon", expires_at=soon.isoformat())
        at = head(house)
        while datetime.now(UTC) <= soon:
            time.sleep(0.05)
        instant = (soon - timedelta(microseconds=1)).isoformat().replace("+00:00", "Z")
        expiry = soon.isoformat().replace("+00:00", "Z")
        assert house.get(f"/v1/links/{link['id']}", "admin")["status"] == "expired"
        for then, status in ((at, "active"), (instant, "active"), (expiry, "expired")):
            assert house.get(f"/v1/as-of/links/{link['id']}?at={then}", "admin")["status"] == status

    @pytest.mark.parametrize(
        "at", ["0", "999999999", "yesterday", "2026-01-01", "2001-01-01T00:00:00Z", "2999-01-01T00:00:00Z"]
    )
    @pytest.mark.parametrize("name", ["links", "single-use/{id}"])
    def test_moments_that_the_log_does_not_have(
        self, shared_house: House, told: dict[str, Any], name: str, at: str
    ) -> None:
        address = f"/v1/as-of/{name.format(id=told['first'])}?at={at}"
        problem = refused(shared_house.send("GET", address, who="auditor"), 422, "invalid")
        assert [error["field"] for error in problem["errors"]] == ["at"]
