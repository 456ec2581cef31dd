"""GET /v1/as-of/…: the response about a point in time is what the live lists returned then."""

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
from projections.catalogue import READ_MODELS, from_live_tables
from projections.links import LinkFilters
from projections.meeting_log import MeetingFilters
from projections.queries.query import QuerySource
from projections.single_use_links import SingleUseFilters
from replay import as_of
from replay.as_of import LISTS, AsOfQuery
from replay.instants import PointInTime
from store.database import Database
from tests.api.refusals import assert_problem, fetch_list, find_last_position
from tests.api_driver import ApiDriver, extract_code
from tests.projections.story import DAY, LogBuilder, follow_log

DOCUMENT = json.loads(Path("docs/openapi.json").read_text(encoding="utf-8"))
EMPTY = (
    "TRUNCATE {schema}.events, {schema}.personal_details, {schema}.claims; UPDATE {schema}.follower SET position = 0"
)
SAME_PROPERTIES = {"email": "p@people.example", "time_zone": "UTC", "roles": ()}
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "person",
                "rename",
                "leave",
                "type",
                "retype",
                "link",
                "relink",
                "switch",
                "issue",
                "issue",
                "book",
                "book",
                "direct",
                "move",
                "cancel",
                "revoke",
                "follow",
                "follow",
            ]
        ),
        st.integers(0, 7),
        st.integers(0, 7),
    ),
    max_size=25,
)


class RandomHistory:
    """A random history, driven by numbers: each chooses among what exists."""

    def __init__(self, builder: LogBuilder) -> None:
        self.builder = builder
        self.people = [builder.add_person("Ada")]
        self.meeting_types = [builder.create_meeting_type()]
        self.links = [builder.create_link(self.people[0], self.meeting_types[0])]
        self.tokens = [builder.issue_single_use_link(self.links[0], self.people[0])]

    def append_random_event(self, step: str, first_number: int, second_number: int) -> None:
        """Append one random event, possible in reality or not: a fold is total."""
        builder = self.builder
        person, meeting_type = (kind[first_number % len(kind)] for kind in (self.people, self.meeting_types))
        link, token = self.links[second_number % len(self.links)], self.tokens[second_number % len(self.tokens)]
        instant = datetime.now(UTC) + timedelta(milliseconds=40 * (first_number - 3))  # so that links expire meanwhile
        steps: Any = {
            "person": lambda: self.people.append(builder.add_person(f"Person {first_number}")),
            "rename": lambda: builder.append_event(person, PersonUpdated, name=f"P {second_number}", **SAME_PROPERTIES),
            "leave": lambda: builder.append_event(person, (PersonDeactivated, PersonActivated)[second_number % 2]),
            "type": lambda: self.meeting_types.append(builder.create_meeting_type(f"Type {first_number}")),
            "retype": lambda: builder.append_event(
                meeting_type, MeetingTypeUpdated, name=f"T {second_number}", duration_minutes=15
            ),
            "link": lambda: self.links.append(
                builder.create_link(person, meeting_type, f"Link {second_number}", in_library=second_number % 2 == 0)
            ),
            "relink": lambda: builder.append_event(
                link, LinkUpdated, **builder.build_link_properties(person, meeting_type, "L", expires_at=instant)
            ),
            "switch": lambda: builder.append_event(link, (LinkDisabled, LinkEnabled, LinkDeleted)[first_number % 3]),
            "issue": lambda: self.tokens.append(
                builder.issue_single_use_link(link, person, ("Grace", None)[first_number % 2], "label")
            ),
            "direct": lambda: self.tokens.append(
                builder.book_meeting(link, [person, self.people[0]], meeting_type, instant + DAY)
            ),
            "move": lambda: builder.reschedule_meeting(token, instant, instant + DAY * first_number),
            "cancel": lambda: builder.cancel_meeting(token),
            "revoke": lambda: builder.revoke_single_use_link(token),
            "book": lambda: self.book_once(link, person, meeting_type, instant, token),
        }
        steps[step]()

    def book_once(self, link: UUID, person: UUID, meeting_type: UUID, instant: datetime, token: UUID) -> None:
        """Book a token, unless it is booked."""
        query = "SELECT FROM {schema}.events WHERE stream_id = %s AND type LIKE 'MeetingBooked.%%'"
        if not self.builder.database.fetch_rows(query, (token,)):
            self.builder.book_meeting(
                link, [person], meeting_type, instant + DAY, token, guest=f"Guest {instant.microsecond % 3}"
            )


def list_all_rows(source: QuerySource, now: datetime) -> dict[str, Any]:
    """List the rows of all read models, unfiltered and filtered."""
    rows: dict[str, Any] = {name: listing(source, now, 200, None).items for name, listing in LISTS.items()}
    rows["searched"] = meeting_log.list_meetings(source, MeetingFilters(q="guest"), "starts_at", limit=200).items
    for status in ("active", "booked", "expired", "revoked", "disabled", "deleted"):
        rows[status] = single_use_links.list_single_use_links(
            source, now, SingleUseFilters(status=status), limit=200
        ).items
    rows["gone"] = links.list_links(source, now, LinkFilters(status="deleted"), "name", limit=200).items
    return rows


@given(steps=STEPS)
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
def test_as_of_a_position_is_what_was_live_at_it(
    live_database: Database, owner_url: str, steps: list[tuple[str, int, int]]
) -> None:
    tables = [row["live_table"] for row in live_database.fetch_rows("SELECT live_table FROM {schema}.read_models")]
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute(live_database.compose_query(EMPTY))
        for table in tables:
            connection.execute(live_database.compose_query(f'TRUNCATE {{schema}}."{table}"'))
    builder = LogBuilder(live_database, owner_url)
    random_history = RandomHistory(builder)
    snapshots: list[tuple[int, datetime, dict[str, Any]]] = []
    for step in [*steps, ("follow", 0, 0)]:
        if step[0] != "follow":
            random_history.append_random_event(*step)
            continue
        reached = follow_log(live_database, limit=step[1] + 1)
        recorded_at = live_database.fetch_rows(
            "SELECT recorded_at FROM {schema}.events WHERE position = %s", (reached,)
        )[0]["recorded_at"]
        snapshots.append((reached, recorded_at, list_all_rows(from_live_tables(live_database), recorded_at)))
    now = datetime.now(UTC) + DAY
    for reached, recorded_at, rows in snapshots:
        as_of_query = AsOfQuery.from_request(live_database, reached, now)
        assert (
            as_of_query.point_in_time
            == AsOfQuery.from_request(live_database, recorded_at, now).point_in_time
            == PointInTime(reached, recorded_at)
        )
        assert list_all_rows(as_of_query.source, as_of_query.now) == rows


def test_every_read_model_can_be_asked() -> None:
    assert LISTS.keys() == {model.name for model in READ_MODELS}


def test_rows_of_any_read_model(database: Database, builder: LogBuilder) -> None:
    for number in range(5):
        builder.add_person(f"Person {number}")
    point_in_time, rows = as_of.list_rows(database, "people", builder.position - 1, datetime.now(UTC), 3)
    assert (point_in_time.position, [row["name"] for row in rows]) == (
        builder.position - 1,
        ["Person 3", "Person 2", "Person 1"],
    )
    page = people.list_people(AsOfQuery.from_request(database, 2, datetime.now(UTC)).source)
    assert len(page.items) == 2


def test_a_cursor_keeps_its_position_whatever_is_recorded_since(
    database: Database, builder: LogBuilder, superuser_url: str
) -> None:
    for number in range(4):
        builder.add_person(f"Person {number}")
    instant, end = datetime.now(UTC), builder.position
    first = AsOfQuery.from_request(database, instant, instant)
    cursor = first.add_point_to_cursor(people.list_people(first.source, limit=2)).next_cursor
    builder.add_person("Late")
    with psycopg.connect(superuser_url) as connection:  # as by a clock that was set back
        query = "UPDATE {schema}.events SET recorded_at = recorded_at - interval '1 hour' WHERE position > %s"
        connection.execute(database.compose_query(query), (end,))
    second = AsOfQuery.from_request(database, instant, instant, cursor)
    assert (first.point_in_time, second.point_in_time) == (PointInTime(end, instant), PointInTime(end, instant))
    assert AsOfQuery.from_request(database, instant, instant).point_in_time == PointInTime(builder.position, instant)
    assert [row["name"] for row in people.list_people(second.source, limit=2, cursor=second.cursor).items] == [
        "Person 1",
        "Person 0",
    ]


LIVE = {"/v1/links": "links", "/v1/single-use": "single-use", "/v1/meeting-log": "meeting-log"}


@pytest.mark.parametrize(("path", "name"), LIVE.items())
def test_takes_what_the_live_list_takes_and_answers_the_same(path: str, name: str) -> None:
    """By the OpenAPI document, which is checked against what is answered."""

    def describe_list(path: str) -> tuple[dict[str, Any], Any]:
        operation = DOCUMENT["paths"][path]["get"]
        parameters = {
            parameter["name"]: parameter["schema"]
            for parameter in operation["parameters"]
            if parameter["in"] == "query"
        }
        return parameters, operation["responses"]["200"]["content"]["application/json"]["schema"]

    live_parameters, live_schema = describe_list(path)
    as_of_parameters, as_of_schema = describe_list(f"/v1/as-of/{name}")
    assert as_of_parameters.pop("at")["type"] == "string"
    live_parameters.pop("changed_after_position", None)  # what changed is a question about now
    assert (as_of_parameters, as_of_schema) == (live_parameters, live_schema)


@pytest.fixture(scope="module")
def link_history(shared_api: ApiDriver) -> dict[str, Any]:
    """A link's history, with the responses of the live lists and details after each step."""
    api, snapshots = shared_api, []
    link = api.create_link("Before", slug="then", expires_at="2040-01-01T00:00:00Z")
    first, second = (api.post(f"/v1/links/{link['id']}/single-use", {}, "member", 201)["items"][0] for _ in "12")

    def record_snapshot() -> None:
        rows = {
            name: fetch_list(api, f"{path}?{'view=all' if 'links' in path else ''}", "auditor")["items"]
            for path, name in LIVE.items()
        }
        details = {
            f"links/{link['id']}": api.get(f"/v1/links/{link['id']}", "auditor"),
            f"single-use/{first['id']}": api.get(f"/v1/single-use/{first['id']}", "auditor"),
        }
        response = api.send_request("GET", f"/v1/bookings/{first['id']}", who="auditor")
        if response.status_code == 200:
            details[f"meeting-log/{first['id']}"] = response.json()
        snapshots.append({"at": find_last_position(api), "instant": datetime.now(UTC), "rows": rows, "ones": details})
        time.sleep(0.01)

    record_snapshot()
    starts = api.list_slots(first["code"])
    manage_code = extract_code(api.book_meeting(first["code"], starts[0])["manage_url"])
    record_snapshot()
    api.patch(f"/v1/links/{link['id']}", {"name": "After", "expires_at": "2020-01-01T00:00:00Z"}, "member")
    record_snapshot()
    api.post(f"/v1/manage/{manage_code}/reschedule", {"start": starts[4]})
    api.patch(f"/v1/people/{api.ids['member']}", {"name": "Julio"}, "admin")
    api.patch(f"/v1/meeting-types/{api.ids['type']}", {"name": "Introduction"}, "admin")
    record_snapshot()
    api.post(f"/v1/manage/{manage_code}/cancel", {"reason": "ill"})
    api.send_request("DELETE", f"/v1/links/{link['id']}", who="member")
    record_snapshot()
    return {"was": snapshots, "link": link["id"], "first": first["id"], "second": second["id"]}


class TestAsOf:
    @pytest.mark.parametrize("instant_key", ["at", "instant"])
    def test_lists_and_single_things_as_they_were_answered(
        self, shared_api: ApiDriver, link_history: dict[str, Any], instant_key: str
    ) -> None:
        api, names = shared_api, set()
        for snapshot in link_history["was"]:
            at = str(snapshot[instant_key]).replace("+00:00", "Z").replace(" ", "T")
            for name, rows in snapshot["rows"].items():
                items = api.get(f"/v1/as-of/{name}?at={at}{'&view=all' if name == 'links' else ''}", "auditor")["items"]
                assert items == rows, (name, at)
                names |= {row["link"]["name"] for row in rows if "link" in row}
            for address, row in snapshot["ones"].items():
                assert api.get(f"/v1/as-of/{address}?at={at}", "auditor") == row
        assert {"Before", "After"} <= names

    def test_says_which_position_it_is(self, shared_api: ApiDriver, link_history: dict[str, Any]) -> None:
        snapshot = link_history["was"][1]
        at = snapshot["instant"].isoformat().replace("+00:00", "Z")
        for address in (f"links?at={at}", f"links/{link_history['link']}?at={at}"):
            response = shared_api.send_request("GET", f"/v1/as-of/{address}", who="admin")
            assert response.headers["Oncelink-As-Of-Position"] == str(snapshot["at"])

    def test_what_was_not_there_yet_is_unknown(self, shared_api: ApiDriver, link_history: dict[str, Any]) -> None:
        booked_snapshot, first_snapshot = link_history["was"][1], link_history["was"][0]
        shared_api.get(f"/v1/as-of/meeting-log/{link_history['first']}?at={booked_snapshot['at']}", "auditor")
        for address in (
            f"meeting-log/{link_history['first']}?at={first_snapshot['at']}",
            f"single-use/{link_history['first']}?at=2",
            f"links/{link_history['link']}?at=2",
            f"links/{link_history['first']}?at={booked_snapshot['at']}",
            f"single-use/{uuid4()}?at={booked_snapshot['at']}",
            f"meeting-log/{uuid4()}?at={booked_snapshot['at']}",
        ):
            assert_problem(shared_api.send_request("GET", f"/v1/as-of/{address}", who="auditor"), 404, "not_found")

    def test_filters(self, shared_api: ApiDriver, link_history: dict[str, Any]) -> None:
        api, position = shared_api, link_history["was"][3]["at"]
        for query, count in (
            ("status=rescheduled", 1),
            ("status=cancelled", 0),
            ("hide_single_use=true", 0),
            ("q=after", 1),
            ("q=before", 0),
        ):
            items = api.get(f"/v1/as-of/meeting-log?at={position}&link_id={link_history['link']}&{query}", "auditor")[
                "items"
            ]
            assert len(items) == count, query
        for status, ids in (
            ("expired", {link_history["second"]}),
            ("booked", {link_history["first"]}),
            ("deleted", set()),
        ):
            items = api.get(
                f"/v1/as-of/single-use?at={position}&link_id={link_history['link']}&status={status}", "auditor"
            )["items"]
            assert {row["id"] for row in items} == ids

    def test_all_pages_show_the_same_point_in_time(self, shared_api: ApiDriver) -> None:
        api = shared_api
        link = api.create_link("Pages")
        api.create_codes(link, 5)
        at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        address = f"/v1/as-of/single-use?at={at}&link_id={link['id']}&sort=issued_at&limit=2"
        page = api.get(address, "admin")
        items = page["items"]
        api.create_codes(link, 3)
        api.patch(f"/v1/links/{link['id']}", {"name": "Renamed"}, "member")
        while page["next_cursor"]:
            page = api.get(f"{address}&cursor={page['next_cursor']}", "admin")
            items += page["items"]
        assert len({item["id"] for item in items}) == 5
        assert {item["link"]["name"] for item in items} == {"Pages"}

    def test_a_cursor_belongs_to_its_point_in_time_and_list(
        self, shared_api: ApiDriver, link_history: dict[str, Any]
    ) -> None:
        position = link_history["was"][1]["at"]
        cursor = shared_api.get(f"/v1/as-of/single-use?at={position}&limit=1", "admin")["next_cursor"]
        live_cursor = fetch_list(shared_api, "/v1/single-use?limit=1", "admin")["next_cursor"]
        for address in (
            f"/v1/as-of/single-use?at={position + 1}&cursor={cursor}",
            f"/v1/as-of/links?at={position}&cursor={cursor}",
            f"/v1/single-use?cursor={cursor}",
            f"/v1/as-of/single-use?at={position}&cursor={live_cursor}",
            f"/v1/history?cursor={cursor}",
        ):
            assert_problem(shared_api.send_request("GET", address, who="admin"), 422, "invalid")

    def test_the_code_only_for_its_issuer(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link("Admin's", "admin")
        [single_use_link] = shared_api.post(f"/v1/links/{link['id']}/single-use", {}, "admin", 201)["items"]
        position = find_last_position(shared_api)
        assert (
            shared_api.get(f"/v1/as-of/single-use/{single_use_link['id']}?at={position}", "admin")["code"]
            == single_use_link["code"]
        )
        assert shared_api.get(f"/v1/as-of/single-use/{single_use_link['id']}?at={position}", "auditor")["code"] is None

    def test_expired_is_judged_then(self, shared_api: ApiDriver) -> None:
        api, expires_at = shared_api, datetime.now(UTC) + timedelta(seconds=1)
        link = api.create_link("Soon", expires_at=expires_at.isoformat())
        position = find_last_position(api)
        while datetime.now(UTC) <= expires_at:
            time.sleep(0.05)
        instant = (expires_at - timedelta(microseconds=1)).isoformat().replace("+00:00", "Z")
        expiry = expires_at.isoformat().replace("+00:00", "Z")
        assert api.get(f"/v1/links/{link['id']}", "admin")["status"] == "expired"
        for point_in_time, status in ((position, "active"), (instant, "active"), (expiry, "expired")):
            assert api.get(f"/v1/as-of/links/{link['id']}?at={point_in_time}", "admin")["status"] == status

    @pytest.mark.parametrize(
        "at", ["0", "999999999", "yesterday", "2026-01-01", "2001-01-01T00:00:00Z", "2999-01-01T00:00:00Z"]
    )
    @pytest.mark.parametrize("name", ["links", "single-use/{id}"])
    def test_points_in_time_that_the_log_does_not_have(
        self, shared_api: ApiDriver, link_history: dict[str, Any], name: str, at: str
    ) -> None:
        address = f"/v1/as-of/{name.format(id=link_history['first'])}?at={at}"
        problem = assert_problem(shared_api.send_request("GET", address, who="auditor"), 422, "invalid")
        assert [error["field"] for error in problem["errors"]] == ["at"]
