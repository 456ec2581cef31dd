"""POST /v1/erasures, and what is left of somebody afterwards: nothing, anywhere."""

import json
import signal
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from typer.testing import CliRunner

from api.cli import command_context, main
from api.http.dependencies import digestible
from api.v1.request_bodies import NewSingleUse
from domain.personal_details import digest
from projections import catalogue, meeting_log
from projections.following.positions import position
from projections.meeting_log import MeetingFilters
from tests.api.refusals import head, listed, refused
from tests.api.remaining_data import copied, dumped, unexplained
from tests.api_driver import House, checked, code_of
from tests.projections.story import differences

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
class Wake:
    """What Wanda left behind in an organisation, and where."""

    house: House
    streams: dict[str, str]
    keyed: dict[str, Any]
    manage: str
    before: int
    erased: Any


def booked(house: House, code: str, guest: dict[str, str], start: str, **headers: str) -> Any:
    """A booking with notes."""
    body = {"start": start, "guest": guest, "notes": f"Notes of {guest['name']}"}
    return house.post(f"/v1/book/{code}", body, None, 201, **headers)


def issued(house: House, link: Any, *recipients: dict[str, str], **more: Any) -> list[Any]:
    """Single-use links for these recipients."""
    body = {"recipients": list(recipients), **more} if recipients else more
    return house.post(f"/v1/links/{link['id']}/single-use", body, "member", 201)["items"]  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def wake(shared_house: House) -> Wake:
    """Everything that can be known of somebody, then erased with another spelling of the address."""
    house = shared_house
    link = house.link("Talk", slug="talk")
    times = iter(house.slots("talk"))
    to_wanda = {"name": "Zqx Recipient", "email": EMAIL}
    more = {"label": "Zqx label", "metadata": {"zqx": "zqx"}}
    full, unused, revoked, others = issued(house, link, to_wanda, to_wanda, SHOUTED_RECIPIENT, to_wanda, **more)
    [unaddressed] = issued(house, link, label="For the zqx deal")
    [to_bob] = issued(house, link, {"name": "Bob", "email": "bob@other.example"}, label="Bob's own")
    start = next(times)
    first = booked(house, full["code"], WANDA, start, Idempotency_Key="once")
    cancel = {"reason": "Zqx is ill"}
    house.post(f"/v1/manage/{code_of(first['manage_url'])}/cancel", cancel)
    house.post(f"/v1/single-use/{revoked['id']}/revoke", {"reason": "Zqx left"}, "member")
    streams = {
        "full": full["id"],
        "unused": unused["id"],
        "revoked": revoked["id"],
        "others": booked(house, others["code"], BOB, next(times))["booking"]["id"],
        "unaddressed": booked(house, unaddressed["code"], SHOUTED, next(times))["booking"]["id"],
        "to_bob": booked(house, to_bob["code"], WANDA, next(times))["booking"]["id"],
    }
    direct = booked(house, "talk", SHOUTED, next(times), Idempotency_Key="direct")
    streams["direct"] = direct["booking"]["id"]
    streams["bob"] = booked(house, "talk", BOB, next(times))["booking"]["id"]
    listed(house, "/v1/meeting-log", "manager")
    before = head(house)
    erased = house.send("POST", "/v1/erasures", {"email": "WANDA.zqx@GUEST.example"}, "admin")
    keyed = {"code": full["code"], "start": start}
    return Wake(house, streams, keyed, code_of(direct["manage_url"]), before, erased)


SHOUTED_RECIPIENT = {"name": "ZQX", "email": "WANDA.ZQX@guest.example"}


def events(house: House) -> list[Any]:
    """Every event that says that something was erased."""
    return house.oncelink.database.rows(EVENTS)


class TestErasing:
    """What it answers and what it appends."""

    def test_answers_what_was_done_and_not_to_whom(self, wake: Wake) -> None:
        body = checked(wake.erased, 201)
        assert body.keys() == {"id", "erased_at", "details"}
        assert body["erased_at"].endswith("Z")
        assert body["details"] == 4 + 4 + 2 + 1  # of a recipient, of a guest, reasons, a label without an address
        assert int(wake.erased.headers["oncelink-position"]) == head(wake.house)
        assert "zqx" not in wake.erased.text.lower()

    def test_each_stream_says_what_it_lost(self, wake: Wake) -> None:
        found = [event for event in events(wake.house) if event["data"]["erasure_id"] == wake.erased.json()["id"]]
        *streams, end = found
        touched = {wake.streams[name] for name in wake.streams if name != "bob"}
        assert {str(event["stream_id"]) for event in streams} == touched
        assert sum(len(event["data"]["details_ids"]) for event in streams) == wake.erased.json()["details"]
        assert (str(end["stream_id"]), end["data"]["details_ids"]) == (wake.erased.json()["id"], [])
        assert {event["data"]["actor"]["id"] for event in found} == {wake.house.ids["admin"]}
        assert {event["position"] for event in found} == set(range(wake.before + 1, found[-1]["position"] + 1))

    def test_lists_show_that_something_is_gone(self, wake: Wake) -> None:
        rows = {row["booking_id"]: row for row in listed(wake.house, "/v1/meeting-log", "manager")["items"]}
        gone = [rows[wake.streams[name]] for name in ("full", "unaddressed", "direct", "to_bob")]
        assert [(row["erased"], row["guest"], row["cancel_reason"]) for row in gone] == [(True, None, None)] * 4
        assert [row["label"] for row in gone] == [None, None, None, "Bob's own"]
        others, bob = rows[wake.streams["others"]], rows[wake.streams["bob"]]
        assert (others["erased"], others["guest"], others["recipient"], others["label"]) == (True, BOB, None, None)
        assert (bob["erased"], bob["guest"]) == (False, BOB)
        unused = wake.house.get(f"/v1/single-use/{wake.streams['unused']}", "member")
        assert (unused["erased"], unused["recipient"], unused["label"], unused["metadata"]) == (True, None, None, {})
        assert unused["status"] == "active"
        booking = wake.house.get(f"/v1/bookings/{wake.streams['direct']}", "manager")
        assert (booking["erased"], booking["guest"], booking["notes"]) == (True, None, None)

    def test_the_meeting_stays_and_its_guest_can_still_cancel_it(self, wake: Wake) -> None:
        shown = wake.house.get(f"/v1/manage/{wake.manage}")["booking"]
        assert (shown["guest"], shown["status"]) == (None, "scheduled")
        answer = wake.house.post(f"/v1/manage/{wake.manage}/cancel", {"reason": "Late reason"})
        assert answer["booking"]["status"] == "cancelled"
        booking = wake.house.get(f"/v1/bookings/{wake.streams['direct']}", "manager")
        assert booking["cancel_reason"] is None  # of somebody erased nothing is kept any more

    def test_the_guests_own_retry_is_told(self, wake: Wake) -> None:
        body = {"start": wake.keyed["start"], "guest": WANDA, "notes": f"Notes of {WANDA['name']}"}
        answer = wake.house.send("POST", f"/v1/book/{wake.keyed['code']}", body, Idempotency_Key="once")
        refused(answer, 410, "erased")
        refused(wake.house.send("POST", f"/v1/book/{wake.keyed['code']}", body), 410, "link_used")

    def test_search_finds_nothing(self, wake: Wake) -> None:
        for q in ("zqx", "wanda", EMAIL):
            assert listed(wake.house, f"/v1/meeting-log?q={q}", "manager")["items"] == []
            assert listed(wake.house, f"/v1/single-use?q={q}", "manager")["items"] == []

    def test_neither_does_the_past(self, wake: Wake) -> None:
        then = catalogue.from_log(wake.house.oncelink.database, wake.before)
        rows = meeting_log.page(then, MeetingFilters()).items
        assert len(rows) == 6
        assert "zqx" not in json.dumps(rows, default=str).lower()


class TestLeftovers:
    """Nothing of it is anywhere."""

    def test_no_table_no_view_and_no_dump_has_a_trace(self, wake: Wake, superuser_url: str) -> None:
        schema = wake.house.oncelink.settings.db_schema
        found = dict(copied(superuser_url, schema))
        assert len(found) > 15
        assert "bob@other.example" in found["personal_details"]
        assert [name for name, text in found.items() if "zqx" in text or "wanda" in text] == []
        dump = dumped(superuser_url, schema)
        assert "bob@other.example" in dump
        assert "zqx" not in dump
        assert "wanda" not in dump

    def test_statistics_forget_with_vacuum(self, wake: Wake, superuser_url: str) -> None:
        schema = wake.house.oncelink.settings.db_schema
        with psycopg.connect(superuser_url, autocommit=True) as connection:
            connection.execute(f"VACUUM (ANALYZE) {schema}.personal_details")
            stats = connection.execute("SELECT s::text FROM pg_stats s WHERE schemaname = %s", (schema,)).fetchall()
        assert stats
        assert "zqx" not in str(stats).lower()

    def test_every_loss_is_explained_by_an_event(self, wake: Wake, superuser_url: str) -> None:
        assert unexplained(superuser_url, wake.house.oncelink.settings.db_schema) == (0, 0)

    def test_read_models_are_still_the_fold_of_the_log(self, wake: Wake) -> None:
        listed(wake.house, "/v1/meeting-log", "manager")
        assert position(wake.house.oncelink.database).position == head(wake.house)
        assert list(differences(wake.house.oncelink.database)) == []


class TestRequest:
    """Keys, repetition, and addresses that nobody has."""

    def erase(self, house: House, email: str, key: str | None = None) -> Any:
        headers = {"Idempotency_Key": key} if key else {}
        return house.send("POST", "/v1/erasures", {"email": email}, "admin", **headers)

    def test_an_address_that_nobody_has_is_answered_alike(self, shared_house: House) -> None:
        answer = self.erase(shared_house, "nobody@nowhere.example")
        assert checked(answer, 201)["details"] == 0
        assert events(shared_house)[-1]["data"]["erasure_id"] == answer.json()["id"]

    def test_a_repeated_request_is_answered_as_it_was(self, shared_house: House) -> None:
        house, email = shared_house, f"{uuid4().hex}@guest.example"
        link = house.link("Again")
        issued(house, link, {"email": email}, {"email": email})
        first = self.erase(house, email, "erase-once")
        assert checked(first, 201)["details"] == 2
        before = head(house)
        issued(house, link, {"email": email})
        again = self.erase(house, email.upper().replace("GUEST.EXAMPLE", "guest.example"), "erase-once")
        assert again.headers["idempotent-replayed"] == "true"
        assert (checked(again, 201), again.headers["oncelink-position"]) == (first.json(), str(before))
        refused(self.erase(house, "other@guest.example", "erase-once"), 422, "idempotency_key_reused")
        assert self.erase(house, email).json()["details"] == 1

    def test_a_key_of_something_else_is_refused(self, shared_house: House) -> None:
        body = {"name": "Some type", "duration_minutes": 30}
        shared_house.post("/v1/meeting-types", body, "admin", 201, Idempotency_Key="of-a-type")
        refused(self.erase(shared_house, EMAIL, "of-a-type"), 422, "idempotency_key_reused")

    def test_only_the_service_can_recognise_the_address_of_a_request(self, shared_house: House) -> None:
        """A digest that everybody can make would answer a guess."""
        self.erase(shared_house, "guess@guest.example")
        self.erase(shared_house, "guess@guest.example")
        one, other = events(shared_house)[-2:]
        assert one["data"]["request_digest"] == other["data"]["request_digest"]
        erasing = shared_house.oncelink.erasing
        erasing.secrets = ["another secret of at least thirty-two", *erasing.secrets]
        self.erase(shared_house, "guess@guest.example")
        assert events(shared_house)[-1]["data"]["request_digest"] != one["data"]["request_digest"]

    def test_issuing_again_after_one_of_many_was_erased(self, shared_house: House) -> None:
        house, email = shared_house, f"{uuid4().hex}@guest.example"
        path = f"/v1/links/{house.link('Many')['id']}/single-use"
        body = {"recipients": [{"email": "first@guest.example"}, {"email": email}]}
        house.post(path, body, "member", 201, Idempotency_Key="many")
        other = house.send("POST", path, {"recipients": [{}, {}]}, "member", Idempotency_Key="many")
        refused(other, 422, "idempotency_key_reused")
        assert house.send("POST", path, body, "member", Idempotency_Key="many").status_code == 201
        asked = digestible(NewSingleUse.model_validate(body), route="single-use", link=path.split("/")[3])
        for row in house.oncelink.database.rows(ISSUED, (path.split("/")[3],)):
            assert row["digest"] != digest(asked, row["salt"])  # else a guess of the other's address could be tested
        self.erase(house, email)
        refused(house.send("POST", path, body, "member", Idempotency_Key="many"), 410, "erased")

    def test_of_a_log_from_before(self, shared_house: House, superuser_url: str) -> None:
        """Until 0.1 each digest was salted with its own details' salt."""
        house = shared_house
        link = house.link("Before")
        path, body = f"/v1/links/{link['id']}/single-use", {"recipients": [{"name": "A"}, {"name": "B"}]}
        house.post(path, body, "member", 201, Idempotency_Key="before")
        asked = digestible(NewSingleUse.model_validate(body), route="single-use", link=link["id"])
        with psycopg.connect(superuser_url) as connection:
            for row in house.oncelink.database.rows(ISSUED, (link["id"],)):
                own = json.dumps({"request_digest": digest(asked, row["salt"])})
                connection.execute(house.oncelink.database.text(REDIGEST), (own, str(row["id"])))
        assert house.send("POST", path, body, "member", Idempotency_Key="before").status_code == 201

    def test_people_are_not_guests(self, shared_house: House) -> None:
        house = shared_house
        email = "engineer@nexora.example"
        link = house.link("Colleagues")
        issued(house, link, {"name": "A colleague", "email": email})
        assert self.erase(house, email).json()["details"] == 1
        person = house.get(f"/v1/people/{house.ids['engineer']}", "admin")
        assert (person["name"], person["email"]) == ("Engineer", email)
        assert house.get("/v1/me", "engineer")["email"] == email

    def test_many_streams_take_several_appends(self, shared_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("domain.commands.erasure.MOST_STREAMS", 3)
        house, email = shared_house, f"{uuid4().hex}@guest.example"
        issued(house, house.link("Crowd"), *[{"email": email}] * 7)
        assert self.erase(house, email).json()["details"] == 7


class TestCommand:
    """`oncelink erase EMAIL`"""

    def run(self, house: House, *arguments: str) -> Any:
        settings = house.oncelink.settings
        environment = {
            "ONCELINK_DATABASE_URL": settings.database_url,
            "ONCELINK_SCHEMA": settings.db_schema,
            "ONCELINK_DATA_DIR": str(settings.data_dir),
            "ONCELINK_SECRET_KEYS": settings.secret_keys,
        }
        before = {number: signal.getsignal(number) for number in command_context.ENDINGS}
        try:
            return CliRunner().invoke(main.app, ["erase", *arguments], env=environment)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def test_erases_as_the_operator(self, shared_house: House) -> None:
        email = f"{uuid4().hex}@guest.example"
        issued(shared_house, shared_house.link("Command"), {"email": email})
        result = self.run(shared_house, email.upper(), "--json")
        assert result.exit_code == 0
        facts = json.loads(result.stdout)
        assert facts["details"] == 1
        end = events(shared_house)[-1]
        assert (str(end["stream_id"]), end["data"]["actor"]["kind"], end["data"]["source"]) == (
            facts["id"],
            "system",
            "cli",
        )
        again = self.run(shared_house, email)
        assert again.stdout.startswith("Erased 0 rows of personal details")

    def test_an_address_that_is_none(self, shared_house: House) -> None:
        before = head(shared_house)
        result = self.run(shared_house, "not an address")
        assert (result.exit_code, result.stderr.strip()) == (2, "email: This is not an e-mail address.")
        assert head(shared_house) == before
