"""Read models as admins see them: how they stand, rebuilding one, and watching it."""

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest

from api.v1.read_models import ReadModelStanding
from domain.person import PersonAdded
from projections.catalogue import READ_MODELS
from projections.rebuild.progress import Claim
from tests.api.refusals import head, refused
from tests.api_driver import House

NAMES = [model.name for model in READ_MODELS]
VERSIONS = {model.name: model.version for model in READ_MODELS}
PATIENCE_SECONDS = 60.0
EVENTS = "/v1/read-models/progress"
LIVE = "SELECT name, live_table FROM {schema}.read_models"


def until(happened: Callable[[], bool]) -> None:
    """Waits until something is so."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def standing(house: House, name: str = "links") -> Any:
    """How one read model stands."""
    return house.get(f"/v1/read-models/{name}", "admin")


def live_tables(house: House) -> dict[str, str]:
    """The live table of each."""
    return {row["name"]: row["live_table"] for row in house.oncelink.database.rows(LIVE)}


def told(house: House) -> list[tuple[str, Any]]:
    """Every event of the stream until it ends."""
    with house.client.stream("GET", EVENTS, headers=house.headers("admin")) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        events: list[tuple[str, Any]] = []
        for line in answer.iter_lines():
            if line.startswith("event: "):
                events.append((line.removeprefix("event: "), None))
            if line.startswith("data: "):
                events[-1] = (events[-1][0], json.loads(line.removeprefix("data: ")))
        return events


@contextmanager
def claimed(house: House, *names: str) -> Iterator[Claim]:
    """Somebody else's rebuild of some read models, which does not get on."""
    claim = Claim.taken(house.oncelink.database, wait=True)
    claim.announce([model for model in READ_MODELS if model.name in names])
    try:
        yield claim
    finally:
        claim.forget()
        claim.connection.close()


class TestStanding:
    def test_every_read_model_follows(self, shared_house: House) -> None:
        shared_house.link()
        until(lambda: standing(shared_house)["position"] >= head(shared_house))
        answer = shared_house.get("/v1/read-models", "admin")
        assert answer["next_cursor"] is None
        assert [one["name"] for one in answer["items"]] == NAMES
        for one in answer["items"]:
            assert one.keys() == ReadModelStanding.model_fields.keys()
            assert one["state"] == "following"
            assert (one["version"], one["lag_events"], one["lag_seconds"]) == (VERSIONS[one["name"]], 0, 0)
            assert one["head"] == one["position"] == head(shared_house)
            assert (one["error"], one["rebuild"]) == (None, None)
        assert answer["items"][NAMES.index("links")] == standing(shared_house)

    def test_rows_are_counted(self, shared_house: House) -> None:
        until(lambda: standing(shared_house)["lag_events"] == 0)
        before = standing(shared_house)["rows"]
        shared_house.link()
        until(lambda: standing(shared_house)["rows"] == before + 1)

    def test_unknown_names(self, shared_house: House) -> None:
        for name in ("zqx", "Links", "links_v1_g1", "x" * 2000, "%00", "%22"):
            refused(shared_house.send("GET", f"/v1/read-models/{name}", who="admin"), 404, "not_found")
            refused(shared_house.send("POST", f"/v1/read-models/{name}/rebuild", who="admin"), 404, "not_found")


class TestStopped:
    def test_lag_is_the_age_of_what_was_not_followed(self, house: House) -> None:
        until(lambda: standing(house)["lag_events"] == 0)
        house.oncelink.follower.stop()
        house.link()
        house.link()
        time.sleep(0.3)
        stands = standing(house)
        assert stands["state"] == "stopped"
        assert "oncelink follow" in stands["error"]
        assert stands["lag_events"] == 2
        assert 0.3 <= stands["lag_seconds"] < 60

    def test_a_dead_letter_stops_one_and_names_the_stream(self, house: House) -> None:
        bad = bury(house)
        people, links = standing(house, "people"), standing(house, "links")
        assert (people["state"], links["state"]) == ("stopped", "following")
        assert str(bad) in people["error"]
        assert "example.com" not in people["error"]

    def test_another_version_is_live(self, house: House) -> None:
        built(house)
        house.oncelink.database.rows("UPDATE {schema}.read_models SET version = 7 WHERE name = 'links' RETURNING name")
        assert standing(house)["state"] == "stopped"
        assert "Version 7" in standing(house)["error"]
        refused(house.send("POST", "/v1/read-models/links/rebuild", who="admin"), 409, "newer_version_live")


def built(house: House) -> None:
    """Waits until the first build is over: the follower leads a little earlier."""
    until(lambda: standing(house)["state"] == "following")


def bury(house: House) -> Any:
    """A stream that cannot be folded gets into the log; its id, once that was noticed."""
    built(house)
    bad = uuid4()
    data = {"name": "Mail me at x@example.com", "occurred_at": "2026-01-01T00:00:00Z"}
    event = [{"stream": str(bad), "version": 1, "type": PersonAdded.stored_name, "data": data}]
    append = "SELECT {schema}.append(%s, '[]', '[]', '[]', '{{}}', '[]')"
    house.oncelink.database.rows(append, (json.dumps(event),))
    until(lambda: house.oncelink.database.rows("SELECT FROM {schema}.dead_letters") != [])
    return bad


class TestRebuilding:
    def test_one(self, shared_house: House) -> None:
        house = shared_house
        house.link("Rebuilt")
        before, log = live_tables(house), head(house)
        started = house.post("/v1/read-models/links/rebuild", None, "admin", 202)
        assert started["state"] == "rebuilding"
        assert started["rebuild"].keys() == {"done", "total", "events_per_second", "eta_seconds"}
        until(lambda: live_tables(house)["links"] != before["links"])
        assert {name for name, table in live_tables(house).items() if table != before[name]} == {"links"}
        until(lambda: standing(house)["state"] == "following")
        assert "Rebuilt" in [row["name"] for row in house.get("/v1/links?view=all", "manager")["items"]]
        assert head(house) == log, "a replay adds nothing to the log"

    def test_a_second_one_is_refused(self, shared_house: House) -> None:
        with claimed(shared_house, "people"):
            answer = shared_house.send("POST", "/v1/read-models/links/rebuild", who="admin")
            assert "running" in refused(answer, 409, "rebuild_running")["detail"]
            states = {one["name"]: one["state"] for one in shared_house.get("/v1/read-models", "admin")["items"]}
            assert states == dict.fromkeys(NAMES, "following") | {"people": "rebuilding"}

    def test_one_that_was_killed_does_not_count(self, shared_house: House) -> None:
        claim = Claim.taken(shared_house.oncelink.database, wait=True)
        claim.announce(READ_MODELS)
        claim.connection.close()  # as a kill -9 does
        until(lambda: standing(shared_house)["state"] == "following")
        assert "broken off" in standing(shared_house)["error"]
        shared_house.post("/v1/read-models/people/rebuild", None, "admin", 202)
        until(lambda: standing(shared_house, "people")["state"] == "following")
        assert standing(shared_house)["error"] is None

    def test_a_stream_that_cannot_be_folded_stops_it(self, house: House) -> None:
        bad, before = bury(house), live_tables(house)
        house.post("/v1/read-models/people/rebuild", None, "admin", 202)
        until(lambda: standing(house, "people")["state"] != "rebuilding")
        assert live_tables(house) == before
        rows = house.oncelink.database.rows("SELECT error FROM {schema}.rebuilds")
        assert f"people cannot fold stream {bad}" in rows[0]["error"]


class TestEvents:
    def test_when_nothing_is_rebuilt(self, shared_house: House) -> None:
        until(lambda: standing(shared_house)["lag_events"] == 0)
        (first, listed), (last, _) = told(shared_house)
        assert (first, last) == ("read_models", "end")
        assert listed == shared_house.get("/v1/read-models", "admin")

    def test_goes_on_as_long_as_a_rebuild_does(self, shared_house: House) -> None:
        with claimed(shared_house, "links"):
            threading.Timer(0.8, lambda: shared_house.oncelink.watching.end()).start()
            events = told(shared_house)
        shared_house.oncelink.watching.ending = False
        assert [name for name, _ in events] == ["read_models"]
        states = {one["name"]: one["state"] for one in events[0][1]["items"]}
        assert states["links"] == "rebuilding"

    def test_tells_how_far_it_is(self, shared_house: House) -> None:
        seen: list[tuple[str, Any]] = []
        with claimed(shared_house, "links") as claim:
            watcher = threading.Thread(target=lambda: seen.extend(told(shared_house)))
            watcher.start()
            time.sleep(0.6)
            values = "done = 30, total = 40, share = 0.5, started_at = moved_at - interval '10 seconds'"
            claim.run(f"UPDATE {{schema}}.rebuilds SET {values}")
            time.sleep(0.8)
        watcher.join()
        found = [one["rebuild"] for _, data in seen if data for one in data["items"] if one["name"] == "links"]
        assert {"done": 30, "total": 40, "events_per_second": 3.0, "eta_seconds": 10.0} in found
        assert seen[-1] == ("end", {})


def test_whoever_is_told_to_end_tells_the_watchers_first() -> None:
    from api.http.shutdown_signal import noticed

    order: list[str] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: order.append("server"))
    try:
        with noticed(lambda: order.append("watchers")):
            signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert order == ["watchers", "server", "server"]


@pytest.mark.parametrize("who", ["manager", "auditor", "member", "analyst"])
def test_only_for_admins(shared_house: House, who: str) -> None:
    for method, path in (("GET", ""), ("GET", "/links"), ("GET", "/progress"), ("POST", "/links/rebuild")):
        refused(shared_house.send(method, f"/v1/read-models{path}", who=who), 403, "forbidden")
