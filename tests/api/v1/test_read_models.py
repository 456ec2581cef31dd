"""Read models as admins see them: how they stand, rebuilding one, and watching it."""

import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest

from api.v1.read_models import ReadModelStanding
from domain.person import PersonAdded
from projections.catalogue import READ_MODELS
from projections.rebuild.progress import RebuildLock
from tests.api.refusals import assert_problem, find_last_position
from tests.api_driver import ApiDriver
from tests.waiting import wait_until

NAMES = [model.name for model in READ_MODELS]
VERSIONS = {model.name: model.version for model in READ_MODELS}
PATIENCE_SECONDS = 60.0
EVENTS = "/v1/read-models/progress"
LIVE = "SELECT name, live_table FROM {schema}.read_models"


def fetch_status(api: ApiDriver, name: str = "links") -> Any:
    """Fetch the status of one read model."""
    return api.get(f"/v1/read-models/{name}", "admin")


def list_live_tables(api: ApiDriver) -> dict[str, str]:
    """Return the live table of each read model."""
    return {row["name"]: row["live_table"] for row in api.services.database.fetch_rows(LIVE)}


def read_event_stream(api: ApiDriver) -> list[tuple[str, Any]]:
    """Read every event of the stream until it ends."""
    with api.client.stream("GET", EVENTS, headers=api.build_headers("admin")) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        events: list[tuple[str, Any]] = []
        for line in response.iter_lines():
            if line.startswith("event: "):
                events.append((line.removeprefix("event: "), None))
            if line.startswith("data: "):
                events[-1] = (events[-1][0], json.loads(line.removeprefix("data: ")))
        return events


@contextmanager
def hold_rebuild_lock(api: ApiDriver, *names: str) -> Iterator[RebuildLock]:
    """Hold the rebuild lock of some read models, so that no other rebuild can run."""
    lock = RebuildLock.acquire(api.services.database, wait=True)
    lock.announce_rebuild([model for model in READ_MODELS if model.name in names])
    try:
        yield lock
    finally:
        lock.clear_rebuilds()
        lock.connection.close()


class TestStatus:
    def test_every_read_model_follows(self, shared_api: ApiDriver) -> None:
        shared_api.create_link()
        wait_until(lambda: fetch_status(shared_api)["position"] >= find_last_position(shared_api))
        body = shared_api.get("/v1/read-models", "admin")
        assert body["next_cursor"] is None
        assert [read_model["name"] for read_model in body["items"]] == NAMES
        for read_model in body["items"]:
            assert read_model.keys() == ReadModelStanding.__annotations__.keys()
            assert read_model["state"] == "following"
            assert (read_model["version"], read_model["lag_events"], read_model["lag_seconds"]) == (
                VERSIONS[read_model["name"]],
                0,
                0,
            )
            assert read_model["head"] == read_model["position"] == find_last_position(shared_api)
            assert (read_model["error"], read_model["rebuild"]) == (None, None)
        assert body["items"][NAMES.index("links")] == fetch_status(shared_api)

    def test_rows_are_counted(self, shared_api: ApiDriver) -> None:
        wait_until(lambda: fetch_status(shared_api)["lag_events"] == 0)
        row_count_before = fetch_status(shared_api)["rows"]
        shared_api.create_link()
        wait_until(lambda: fetch_status(shared_api)["rows"] == row_count_before + 1)

    def test_unknown_names(self, shared_api: ApiDriver) -> None:
        for name in ("zqx", "Links", "links_v1_g1", "x" * 2000, "%00", "%22"):
            assert_problem(shared_api.send_request("GET", f"/v1/read-models/{name}", who="admin"), 404, "not_found")
            assert_problem(
                shared_api.send_request("POST", f"/v1/read-models/{name}/rebuild", who="admin"), 404, "not_found"
            )


class TestStopped:
    def test_lag_is_the_age_of_what_was_not_followed(self, api: ApiDriver) -> None:
        wait_until(lambda: fetch_status(api)["lag_events"] == 0)
        api.services.follower.stop()
        api.create_link()
        api.create_link()
        time.sleep(0.3)
        status = fetch_status(api)
        assert status["state"] == "stopped"
        assert "oncelink follow" in status["error"]
        assert status["lag_events"] == 2
        assert 0.3 <= status["lag_seconds"] < 60

    def test_a_dead_letter_stops_one_and_names_the_stream(self, api: ApiDriver) -> None:
        bad = append_poison_event(api)
        people, links = fetch_status(api, "people"), fetch_status(api, "links")
        assert (people["state"], links["state"]) == ("stopped", "following")
        assert str(bad) in people["error"]
        assert "example.com" not in people["error"]

    def test_another_version_is_live(self, api: ApiDriver) -> None:
        wait_for_first_build(api)
        api.services.database.fetch_rows(
            "UPDATE {schema}.read_models SET version = 7 WHERE name = 'links' RETURNING name"
        )
        assert fetch_status(api)["state"] == "stopped"
        assert "Version 7" in fetch_status(api)["error"]
        assert_problem(
            api.send_request("POST", "/v1/read-models/links/rebuild", who="admin"), 409, "newer_version_live"
        )


def wait_for_first_build(api: ApiDriver) -> None:
    """Wait until the first build has finished; the follower becomes leader a little earlier."""
    wait_until(lambda: fetch_status(api)["state"] == "following")


def append_poison_event(api: ApiDriver) -> Any:
    """Append an event that cannot be projected. Returns its stream's id once the follower has noticed."""
    wait_for_first_build(api)
    stream_id = uuid4()
    data = {"name": "Mail me at x@example.com", "occurred_at": "2026-01-01T00:00:00Z"}
    event = [{"stream": str(stream_id), "version": 1, "type": PersonAdded.stored_name, "data": data}]
    insert_events = "SELECT {schema}.append(%s, '[]', '[]', '[]', '{{}}', '[]')"
    api.services.database.fetch_rows(insert_events, (json.dumps(event),))
    wait_until(lambda: api.services.database.fetch_rows("SELECT FROM {schema}.dead_letters") != [])
    return stream_id


class TestRebuilding:
    def test_one(self, shared_api: ApiDriver) -> None:
        api = shared_api
        api.create_link("Rebuilt")
        tables_before, log = list_live_tables(api), find_last_position(api)
        rebuild = api.post("/v1/read-models/links/rebuild", None, "admin", 202)
        assert rebuild["state"] == "rebuilding"
        assert rebuild["rebuild"].keys() == {"done", "total", "events_per_second", "eta_seconds"}
        wait_until(lambda: list_live_tables(api)["links"] != tables_before["links"])
        assert {name for name, table in list_live_tables(api).items() if table != tables_before[name]} == {"links"}
        wait_until(lambda: fetch_status(api)["state"] == "following")
        assert "Rebuilt" in [row["name"] for row in api.get("/v1/links?view=all", "manager")["items"]]
        assert find_last_position(api) == log, "a replay adds nothing to the log"

    def test_a_second_one_is_refused(self, shared_api: ApiDriver) -> None:
        with hold_rebuild_lock(shared_api, "people"):
            response = shared_api.send_request("POST", "/v1/read-models/links/rebuild", who="admin")
            assert "running" in assert_problem(response, 409, "rebuild_running")["detail"]
            states = {
                read_model["name"]: read_model["state"]
                for read_model in shared_api.get("/v1/read-models", "admin")["items"]
            }
            assert states == dict.fromkeys(NAMES, "following") | {"people": "rebuilding"}

    def test_one_that_was_killed_does_not_count(self, shared_api: ApiDriver) -> None:
        claim = RebuildLock.acquire(shared_api.services.database, wait=True)
        claim.announce_rebuild(READ_MODELS)
        claim.connection.close()  # as a kill -9 does
        wait_until(lambda: fetch_status(shared_api)["state"] == "following")
        assert "broken off" in fetch_status(shared_api)["error"]
        shared_api.post("/v1/read-models/people/rebuild", None, "admin", 202)
        wait_until(lambda: fetch_status(shared_api, "people")["state"] == "following")
        assert fetch_status(shared_api)["error"] is None

    def test_a_stream_that_cannot_be_folded_stops_it(self, api: ApiDriver) -> None:
        stream_id, tables_before = append_poison_event(api), list_live_tables(api)
        api.post("/v1/read-models/people/rebuild", None, "admin", 202)
        wait_until(lambda: fetch_status(api, "people")["state"] != "rebuilding")
        assert list_live_tables(api) == tables_before
        rows = api.services.database.fetch_rows("SELECT error FROM {schema}.rebuilds")
        assert f"people cannot fold stream {stream_id}" in rows[0]["error"]


class TestEvents:
    def test_when_nothing_is_rebuilt(self, shared_api: ApiDriver) -> None:
        wait_until(lambda: fetch_status(shared_api)["lag_events"] == 0)
        (first, first_list), (last, _) = read_event_stream(shared_api)
        assert (first, last) == ("read_models", "end")
        assert first_list == shared_api.get("/v1/read-models", "admin")

    def test_goes_on_as_long_as_a_rebuild_does(self, shared_api: ApiDriver) -> None:
        with hold_rebuild_lock(shared_api, "links"):
            threading.Timer(0.8, lambda: shared_api.services.read_model_watcher.stop()).start()
            events = read_event_stream(shared_api)
        shared_api.services.read_model_watcher.stopping = False
        assert [name for name, _ in events] == ["read_models"]
        states = {read_model["name"]: read_model["state"] for read_model in events[0][1]["items"]}
        assert states["links"] == "rebuilding"

    def test_tells_how_far_it_is(self, shared_api: ApiDriver) -> None:
        events_seen: list[tuple[str, Any]] = []
        with hold_rebuild_lock(shared_api, "links") as claim:
            watcher = threading.Thread(target=lambda: events_seen.extend(read_event_stream(shared_api)))
            watcher.start()
            time.sleep(0.6)
            values = "done = 30, total = 40, share = 0.5, started_at = moved_at - interval '10 seconds'"
            claim.execute(f"UPDATE {{schema}}.rebuilds SET {values}")
            time.sleep(0.8)
        watcher.join()
        rebuild_states = [
            read_model["rebuild"]
            for _, data in events_seen
            if data
            for read_model in data["items"]
            if read_model["name"] == "links"
        ]
        assert {"done": 30, "total": 40, "events_per_second": 3.0, "eta_seconds": 10.0} in rebuild_states
        assert events_seen[-1] == ("end", {})


def test_whoever_is_told_to_end_tells_the_watchers_first() -> None:
    from api.http.shutdown_signal import notify_on_shutdown

    order: list[str] = []
    previous_handler = signal.signal(signal.SIGTERM, lambda number, frame: order.append("server"))
    try:
        with notify_on_shutdown(lambda: order.append("watchers")):
            signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, previous_handler)
    assert order == ["watchers", "server", "server"]


@pytest.mark.parametrize("who", ["manager", "auditor", "member", "analyst"])
def test_only_for_admins(shared_api: ApiDriver, who: str) -> None:
    for method, path in (("GET", ""), ("GET", "/links"), ("GET", "/progress"), ("POST", "/links/rebuild")):
        assert_problem(shared_api.send_request(method, f"/v1/read-models{path}", who=who), 403, "forbidden")
