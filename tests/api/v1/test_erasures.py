"""POST /v1/erasures, and what remains of a person afterwards: nothing, anywhere."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from api.http.dependencies import describe_request
from api.v1.request_bodies import NewSingleUse
from domain.personal_details import compute_digest
from projections import catalogue, meeting_log
from projections.following.positions import read_positions
from projections.meeting_log import MeetingFilters
from tests.api.refusals import assert_problem, fetch_list, find_last_position
from tests.api.remaining_data import count_unexplained_details, iterate_relations, run_pg_dump
from tests.api_driver import ApiDriver, extract_code, read_body
from tests.cli_driver import build_environment, run_command
from tests.projections.story import find_differences

EMAIL = "wanda.zqx@guest.example"
WANDA = {"name": "Wanda Zqx", "email": EMAIL, "time_zone": "Europe/Berlin"}
SHOUTED = {**WANDA, "email": "Wanda.ZQX@Guest.Example"}
BOB = {"name": "Bob Other", "email": "bob@other.example", "time_zone": "UTC"}
EVENTS = """
SELECT position, stream_id, type, data FROM {schema}.events WHERE type LIKE 'PersonalDetailsErased%%' ORDER BY position
"""

ISSUED = """
SELECT d.id, e.data ->> 'request_digest' AS digest, d.salt FROM {schema}.events e
JOIN {schema}.personal_details d ON d.id = (e.data ->> 'details_id')::uuid
WHERE e.type = 'SingleUseIssued.v1' AND e.data ->> 'link_id' = %s
"""
REDIGEST = "UPDATE {schema}.events SET data = data || %s WHERE data ->> 'details_id' = %s"


@dataclass
class ErasureScenario:
    """What a guest left in an organisation, by stream, and the erasure of it."""

    api: ApiDriver
    streams: dict[str, str]
    idempotency_keys: dict[str, Any]
    manage: str
    position_before: int
    erasure: Any


def book_with_notes(api: ApiDriver, code: str, guest: dict[str, str], start: str, **headers: str) -> Any:
    """A booking with notes."""
    body = {"start": start, "guest": guest, "notes": f"Notes of {guest['name']}"}
    return api.post(f"/v1/book/{code}", body, None, 201, **headers)


def issue_links(api: ApiDriver, link: Any, *recipients: dict[str, str], **extra: Any) -> list[Any]:
    """Single-use links for these recipients."""
    body = {"recipients": list(recipients), **extra} if recipients else extra
    return api.post(f"/v1/links/{link['id']}/single-use", body, "member", 201)["items"]  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def scenario(shared_api: ApiDriver) -> ErasureScenario:
    """Everything that can be known of a person, then erased by another spelling of the address."""
    api = shared_api
    link = api.create_link("Talk", slug="talk")
    times = iter(api.list_slots("talk"))
    to_wanda = {"name": "Zqx Recipient", "email": EMAIL}
    extra = {"label": "Zqx label", "metadata": {"zqx": "zqx"}}
    full_link, unused_link, revoked_link, other_link = issue_links(
        api, link, to_wanda, to_wanda, SHOUTED_RECIPIENT, to_wanda, **extra
    )
    [unaddressed] = issue_links(api, link, label="For the zqx deal")
    [to_bob] = issue_links(api, link, {"name": "Bob", "email": "bob@other.example"}, label="Bob's own")
    start = next(times)
    first = book_with_notes(api, full_link["code"], WANDA, start, Idempotency_Key="once")
    cancel = {"reason": "Zqx is ill"}
    api.post(f"/v1/manage/{extract_code(first['manage_url'])}/cancel", cancel)
    api.post(f"/v1/single-use/{revoked_link['id']}/revoke", {"reason": "Zqx left"}, "member")
    streams = {
        "full": full_link["id"],
        "unused": unused_link["id"],
        "revoked": revoked_link["id"],
        "others": book_with_notes(api, other_link["code"], BOB, next(times))["booking"]["id"],
        "unaddressed": book_with_notes(api, unaddressed["code"], SHOUTED, next(times))["booking"]["id"],
        "to_bob": book_with_notes(api, to_bob["code"], WANDA, next(times))["booking"]["id"],
    }
    direct_booking = book_with_notes(api, "talk", SHOUTED, next(times), Idempotency_Key="direct")
    streams["direct"] = direct_booking["booking"]["id"]
    streams["bob"] = book_with_notes(api, "talk", BOB, next(times))["booking"]["id"]
    fetch_list(api, "/v1/meeting-log", "manager")
    position_before = find_last_position(api)
    erasure = api.send_request("POST", "/v1/erasures", {"email": "WANDA.zqx@GUEST.example"}, "admin")
    idempotency_keys = {"code": full_link["code"], "start": start}
    return ErasureScenario(
        api, streams, idempotency_keys, extract_code(direct_booking["manage_url"]), position_before, erasure
    )


SHOUTED_RECIPIENT = {"name": "ZQX", "email": "WANDA.ZQX@guest.example"}


def list_erasure_events(api: ApiDriver) -> list[Any]:
    """Every event that says that something was erased."""
    return api.services.database.fetch_rows(EVENTS)


class TestErasing:
    """What it answers and what it appends."""

    def test_answers_what_was_done_and_not_to_whom(self, scenario: ErasureScenario) -> None:
        body = read_body(scenario.erasure, 201)
        assert body.keys() == {"id", "erased_at", "details"}
        assert body["erased_at"].endswith("Z")
        assert body["details"] == 4 + 4 + 2 + 1  # of a recipient, of a guest, reasons, a label without an address
        assert int(scenario.erasure.headers["oncelink-position"]) == find_last_position(scenario.api)
        assert "zqx" not in scenario.erasure.text.lower()

    def test_each_stream_says_what_it_lost(self, scenario: ErasureScenario) -> None:
        erasure_events = [
            event
            for event in list_erasure_events(scenario.api)
            if event["data"]["erasure_id"] == scenario.erasure.json()["id"]
        ]
        *streams, end = erasure_events
        stream_ids = {scenario.streams[name] for name in scenario.streams if name != "bob"}
        assert {str(event["stream_id"]) for event in streams} == stream_ids
        assert sum(len(event["data"]["details_ids"]) for event in streams) == scenario.erasure.json()["details"]
        assert (str(end["stream_id"]), end["data"]["details_ids"]) == (scenario.erasure.json()["id"], [])
        assert {event["data"]["actor"]["id"] for event in erasure_events} == {scenario.api.ids["admin"]}
        assert {event["position"] for event in erasure_events} == set(
            range(scenario.position_before + 1, erasure_events[-1]["position"] + 1)
        )

    def test_lists_show_that_something_is_gone(self, scenario: ErasureScenario) -> None:
        rows = {row["booking_id"]: row for row in fetch_list(scenario.api, "/v1/meeting-log", "manager")["items"]}
        erased_rows = [rows[scenario.streams[name]] for name in ("full", "unaddressed", "direct", "to_bob")]
        assert [(row["erased"], row["guest"], row["cancel_reason"]) for row in erased_rows] == [(True, None, None)] * 4
        assert [row["label"] for row in erased_rows] == [None, None, None, "Bob's own"]
        other_row, bob = rows[scenario.streams["others"]], rows[scenario.streams["bob"]]
        assert (other_row["erased"], other_row["guest"], other_row["recipient"], other_row["label"]) == (
            True,
            BOB,
            None,
            None,
        )
        assert (bob["erased"], bob["guest"]) == (False, BOB)
        unused = scenario.api.get(f"/v1/single-use/{scenario.streams['unused']}", "member")
        assert (unused["erased"], unused["recipient"], unused["label"], unused["metadata"]) == (True, None, None, {})
        assert unused["status"] == "active"
        booking = scenario.api.get(f"/v1/bookings/{scenario.streams['direct']}", "manager")
        assert (booking["erased"], booking["guest"], booking["notes"]) == (True, None, None)

    def test_the_meeting_stays_and_its_guest_can_still_cancel_it(self, scenario: ErasureScenario) -> None:
        shown_booking = scenario.api.get(f"/v1/manage/{scenario.manage}")["booking"]
        assert (shown_booking["guest"], shown_booking["status"]) == (None, "scheduled")
        cancelled_booking = scenario.api.post(f"/v1/manage/{scenario.manage}/cancel", {"reason": "Late reason"})
        assert cancelled_booking["booking"]["status"] == "cancelled"
        booking = scenario.api.get(f"/v1/bookings/{scenario.streams['direct']}", "manager")
        assert booking["cancel_reason"] is None  # of somebody erased nothing is kept any more

    def test_the_guests_own_retry_is_told(self, scenario: ErasureScenario) -> None:
        body = {"start": scenario.idempotency_keys["start"], "guest": WANDA, "notes": f"Notes of {WANDA['name']}"}
        response = scenario.api.send_request(
            "POST", f"/v1/book/{scenario.idempotency_keys['code']}", body, Idempotency_Key="once"
        )
        assert_problem(response, 410, "erased")
        assert_problem(
            scenario.api.send_request("POST", f"/v1/book/{scenario.idempotency_keys['code']}", body), 410, "link_used"
        )

    def test_search_finds_nothing(self, scenario: ErasureScenario) -> None:
        for q in ("zqx", "wanda", EMAIL):
            assert fetch_list(scenario.api, f"/v1/meeting-log?q={q}", "manager")["items"] == []
            assert fetch_list(scenario.api, f"/v1/single-use?q={q}", "manager")["items"] == []

    def test_neither_does_the_past(self, scenario: ErasureScenario) -> None:
        past_source = catalogue.from_log(scenario.api.services.database, scenario.position_before)
        rows = meeting_log.list_meetings(past_source, MeetingFilters()).items
        assert len(rows) == 6
        assert "zqx" not in json.dumps(rows, default=str).lower()


class TestLeftovers:
    """Nothing of it is anywhere."""

    def test_no_table_no_view_and_no_dump_has_a_trace(self, scenario: ErasureScenario, superuser_url: str) -> None:
        schema = scenario.api.services.settings.db_schema
        contents = dict(iterate_relations(superuser_url, schema))
        assert len(contents) > 15
        assert "bob@other.example" in contents["personal_details"]
        assert [name for name, text in contents.items() if "zqx" in text or "wanda" in text] == []
        dump = run_pg_dump(superuser_url, schema)
        assert "bob@other.example" in dump
        assert "zqx" not in dump
        assert "wanda" not in dump

    def test_statistics_forget_with_vacuum(self, scenario: ErasureScenario, superuser_url: str) -> None:
        schema = scenario.api.services.settings.db_schema
        with psycopg.connect(superuser_url, autocommit=True) as connection:
            connection.execute(f"VACUUM (ANALYZE) {schema}.personal_details")
            stats = connection.execute("SELECT s::text FROM pg_stats s WHERE schemaname = %s", (schema,)).fetchall()
        assert stats
        assert "zqx" not in str(stats).lower()

    def test_every_loss_is_explained_by_an_event(self, scenario: ErasureScenario, superuser_url: str) -> None:
        assert count_unexplained_details(superuser_url, scenario.api.services.settings.db_schema) == (0, 0)

    def test_read_models_are_still_the_fold_of_the_log(self, scenario: ErasureScenario) -> None:
        fetch_list(scenario.api, "/v1/meeting-log", "manager")
        assert read_positions(scenario.api.services.database).position == find_last_position(scenario.api)
        assert list(find_differences(scenario.api.services.database)) == []


class TestRequest:
    """Keys, repetition, and addresses that nobody has."""

    def erase_person(self, api: ApiDriver, email: str, key: str | None = None) -> Any:
        headers = {"Idempotency_Key": key} if key else {}
        return api.send_request("POST", "/v1/erasures", {"email": email}, "admin", **headers)

    def test_an_address_that_nobody_has_is_answered_alike(self, shared_api: ApiDriver) -> None:
        response = self.erase_person(shared_api, "nobody@nowhere.example")
        assert read_body(response, 201)["details"] == 0
        assert list_erasure_events(shared_api)[-1]["data"]["erasure_id"] == response.json()["id"]

    def test_a_repeated_request_is_answered_as_it_was(self, shared_api: ApiDriver) -> None:
        api, email = shared_api, f"{uuid4().hex}@guest.example"
        link = api.create_link("Again")
        issue_links(api, link, {"email": email}, {"email": email})
        first = self.erase_person(api, email, "erase-once")
        assert read_body(first, 201)["details"] == 2
        position_before = find_last_position(api)
        issue_links(api, link, {"email": email})
        repeated_response = self.erase_person(
            api, email.upper().replace("GUEST.EXAMPLE", "guest.example"), "erase-once"
        )
        assert repeated_response.headers["idempotent-replayed"] == "true"
        assert (read_body(repeated_response, 201), repeated_response.headers["oncelink-position"]) == (
            first.json(),
            str(position_before),
        )
        assert_problem(self.erase_person(api, "other@guest.example", "erase-once"), 422, "idempotency_key_reused")
        assert self.erase_person(api, email).json()["details"] == 1

    def test_a_key_of_something_else_is_refused(self, shared_api: ApiDriver) -> None:
        body = {"name": "Some type", "duration_minutes": 30}
        shared_api.post("/v1/meeting-types", body, "admin", 201, Idempotency_Key="of-a-type")
        assert_problem(self.erase_person(shared_api, EMAIL, "of-a-type"), 422, "idempotency_key_reused")

    def test_only_the_service_can_recognise_the_address_of_a_request(self, shared_api: ApiDriver) -> None:
        """A digest that everybody can make would answer a guess."""
        self.erase_person(shared_api, "guess@guest.example")
        self.erase_person(shared_api, "guess@guest.example")
        event, other_event = list_erasure_events(shared_api)[-2:]
        assert event["data"]["request_digest"] == other_event["data"]["request_digest"]
        erasing = shared_api.services.erasure
        erasing.secrets = ["another secret of at least thirty-two", *erasing.secrets]
        self.erase_person(shared_api, "guess@guest.example")
        assert list_erasure_events(shared_api)[-1]["data"]["request_digest"] != event["data"]["request_digest"]

    def test_issuing_again_after_one_of_many_was_erased(self, shared_api: ApiDriver) -> None:
        api, email = shared_api, f"{uuid4().hex}@guest.example"
        path = f"/v1/links/{api.create_link('Many')['id']}/single-use"
        body = {"recipients": [{"email": "first@guest.example"}, {"email": email}]}
        api.post(path, body, "member", 201, Idempotency_Key="many")
        response = api.send_request("POST", path, {"recipients": [{}, {}]}, "member", Idempotency_Key="many")
        assert_problem(response, 422, "idempotency_key_reused")
        assert api.send_request("POST", path, body, "member", Idempotency_Key="many").status_code == 201
        request_description = describe_request(
            NewSingleUse.model_validate(body), route="single-use", link=path.split("/")[3]
        )
        for row in api.services.database.fetch_rows(ISSUED, (path.split("/")[3],)):
            assert row["digest"] != compute_digest(
                request_description, row["salt"]
            )  # else a guess of the other's address could be tested
        self.erase_person(api, email)
        assert_problem(api.send_request("POST", path, body, "member", Idempotency_Key="many"), 410, "erased")

    def test_of_a_log_from_before(self, shared_api: ApiDriver, superuser_url: str) -> None:
        """Until 0.1 each digest was salted with its own details' salt."""
        api = shared_api
        link = api.create_link("Before")
        path, body = f"/v1/links/{link['id']}/single-use", {"recipients": [{"name": "A"}, {"name": "B"}]}
        api.post(path, body, "member", 201, Idempotency_Key="before")
        request_description = describe_request(NewSingleUse.model_validate(body), route="single-use", link=link["id"])
        with psycopg.connect(superuser_url) as connection:
            for row in api.services.database.fetch_rows(ISSUED, (link["id"],)):
                digest_row = json.dumps({"request_digest": compute_digest(request_description, row["salt"])})
                connection.execute(api.services.database.compose_query(REDIGEST), (digest_row, str(row["id"])))
        assert api.send_request("POST", path, body, "member", Idempotency_Key="before").status_code == 201

    def test_people_are_not_guests(self, shared_api: ApiDriver) -> None:
        api = shared_api
        email = "engineer@nexora.example"
        link = api.create_link("Colleagues")
        issue_links(api, link, {"name": "A colleague", "email": email})
        assert self.erase_person(api, email).json()["details"] == 1
        person = api.get(f"/v1/people/{api.ids['engineer']}", "admin")
        assert (person["name"], person["email"]) == ("Engineer", email)
        assert api.get("/v1/me", "engineer")["email"] == email

    def test_many_streams_take_several_appends(self, shared_api: ApiDriver, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("domain.commands.erasure.MAX_STREAMS_PER_APPEND", 3)
        api, email = shared_api, f"{uuid4().hex}@guest.example"
        issue_links(api, api.create_link("Crowd"), *[{"email": email}] * 7)
        assert self.erase_person(api, email).json()["details"] == 7


class TestCommand:
    """`oncelink erase EMAIL`"""

    def run_command(self, api: ApiDriver, *arguments: str) -> Any:
        return run_command(build_environment(api.services.settings), "erase", *arguments)

    def test_erases_as_the_operator(self, shared_api: ApiDriver) -> None:
        email = f"{uuid4().hex}@guest.example"
        issue_links(shared_api, shared_api.create_link("Command"), {"email": email})
        result = self.run_command(shared_api, email.upper(), "--json")
        assert result.exit_code == 0
        output = json.loads(result.stdout)
        assert output["details"] == 1
        end = list_erasure_events(shared_api)[-1]
        assert (str(end["stream_id"]), end["data"]["actor"]["kind"], end["data"]["source"]) == (
            output["id"],
            "system",
            "cli",
        )
        repeated_result = self.run_command(shared_api, email)
        assert repeated_result.stdout.startswith("Erased 0 rows of personal details")

    def test_an_address_that_is_none(self, shared_api: ApiDriver) -> None:
        position_before = find_last_position(shared_api)
        result = self.run_command(shared_api, "not an address")
        assert (result.exit_code, result.stderr.strip()) == (2, "email: This is not an e-mail address.")
        assert find_last_position(shared_api) == position_before
