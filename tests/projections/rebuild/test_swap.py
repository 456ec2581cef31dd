"""The switch comes at one instant, with its views, under traffic, and holds nobody up."""

import time
from collections.abc import Callable
from dataclasses import replace
from threading import Event, Thread
from uuid import uuid4

import psycopg
import pytest

from domain.person import PersonAdded
from projections.catalogue import READ_MODELS, from_live_tables
from projections.following.follower import Follower
from projections.following.positions import read_positions
from projections.people import PEOPLE
from projections.rebuild import live_tables, load, swap
from projections.rebuild.load import CannotFold
from projections.rebuild.swap import NoMomentToSwitch
from replay.rebuild import begin_rebuild
from store.database import Database
from tests.projections.read_model_driver import list_live_tables, wait_until
from tests.projections.story import DAY, LogBuilder, find_differences, follow_log

ADA = {"name": "Ada", "email": "ada@example.com", "time_zone": "UTC", "roles": ("member",)}


class TestUnderTraffic:
    def test_the_follower_and_the_readers_go_on(self, filled_database: Database, superuser_url: str) -> None:
        """Bookings and reads go on while everything is rebuilt again and again; no read sees less than before."""
        builder = LogBuilder(filled_database, superuser_url)
        ada, intro = builder.add_person("Ada"), builder.create_meeting_type()
        link = builder.create_link(ada, intro)
        follower, stop, counts, errors = Follower(filled_database).start(), Event(), [0], []

        def write_events() -> None:
            while not stop.is_set():
                builder.book_meeting(link, [ada], intro, builder.now + DAY)
                follower.wake()

        def read_rows() -> None:
            while not stop.is_set():
                try:
                    counts.append(
                        from_live_tables(filled_database).fetch_rows("SELECT count(*) AS n FROM meeting_log", {})[0][
                            "n"
                        ]
                    )
                except Exception as error:
                    errors.append(error)

        threads = [Thread(target=write_events), Thread(target=read_rows)]
        for thread in threads:
            thread.start()
        try:
            position_before = read_positions(filled_database).position
            for _ in range(4):
                begin_rebuild(filled_database).run()
            moved_by = read_positions(filled_database).position - position_before
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        wait_until(lambda: read_positions(filled_database).position == read_positions(filled_database).head)
        follower.stop()
        assert errors == []
        assert moved_by > 20
        assert len(counts) > 20
        assert counts == sorted(counts), "a read saw a table that was not full"
        assert list(find_differences(filled_database)) == []

    def test_is_not_held_up_while_an_analyst_reads(
        self, builder: LogBuilder, superuser_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The switch needs the views; as long as somebody reads them it waits, and holds up nobody."""
        database = builder.database
        monkeypatch.setattr(swap, "TIMEOUT_SECONDS", 1.5)
        tables_before = list_live_tables(database)
        with psycopg.connect(superuser_url) as analyst:
            analyst.execute(database.compose_query("SELECT FROM {reporting}.links"))
            follower, slowest = Follower(database).start(), 0.0
            failures: list[Exception] = []
            thread = Thread(target=lambda: failures.append(capture_failure(lambda: begin_rebuild(database).run())))
            thread.start()
            while thread.is_alive():
                started_at = time.monotonic()
                appended_position = builder.append_event(uuid4(), PersonAdded, **ADA)
                follower.wake()
                wait_until(
                    lambda appended_position=appended_position: read_positions(database).position >= appended_position
                )  # type: ignore[misc]
                slowest = max(slowest, time.monotonic() - started_at)
            follower.stop()
        assert [type(failure) for failure in failures] == [NoMomentToSwitch]
        assert slowest < 5
        assert list_live_tables(database) == tables_before
        begin_rebuild(database).run()
        assert list(find_differences(database)) == []


def capture_failure(action: Callable[[], object]) -> Exception:
    """Run an action that must fail. Return its exception."""
    with pytest.raises(Exception) as raised_error:  # noqa: PT011
        action()
    return raised_error.value


class TestPoison:
    def test_that_comes_while_it_loads(self, builder: LogBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
        database, poisoned_id = builder.database, uuid4()

        def append_poison(self: swap.TableSwap, position: int) -> int:
            builder.append_malformed_event(
                poisoned_id, "PersonAdded.v1", {"name": "No address", "occurred_at": "2026-01-01T00:00:00Z"}
            )
            follow_log(database)
            return position

        monkeypatch.setattr(swap.TableSwap, "catch_up", append_poison)
        with pytest.raises(CannotFold, match=str(poisoned_id)):
            begin_rebuild(database).run()

    def test_dead_letters_are_gone_once_all_can_be_folded(self, builder: LogBuilder) -> None:
        database, poisoned_id = builder.database, uuid4()
        builder.append_malformed_event(
            poisoned_id, "PersonAdded.v1", {"name": "No address", "occurred_at": "2026-01-01T00:00:00Z"}
        )
        follow_log(database)
        assert len(database.fetch_rows("SELECT FROM {schema}.dead_letters")) == 1
        email = PEOPLE.rows.replace("payload ->> 'email' AS email", "coalesce(payload ->> 'email', '') AS email")
        lenient = email.replace("payload ->> 'time_zone'", "coalesce(payload ->> 'time_zone', 'UTC')")
        for name in ("roles", "weekly_hours", "date_overrides"):
            lenient = lenient.replace(f"payload -> '{name}'", f"coalesce(payload -> '{name}', '{{{{}}}}')")
        catalogue = (replace(PEOPLE, version=PEOPLE.version + 1, rows=lenient), *READ_MODELS[1:])
        begin_rebuild(database, catalogue=catalogue).run()
        assert database.fetch_rows("SELECT FROM {schema}.dead_letters") == []


def test_several_are_switched_at_one_instant(builder: LogBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    database = builder.database
    versions: list[dict[str, int]] = []
    unwatched = load.TableLoader.load_table

    def record_versions_and_load(*arguments: object) -> object:
        versions.append(dict(live_tables.read_live_versions(database)))
        return unwatched(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(load.TableLoader, "load_table", record_versions_and_load)
    catalogue = tuple(replace(model, version=model.version + 1) for model in READ_MODELS)
    begin_rebuild(database, ["people"], catalogue).run()
    assert versions == [{model.name: model.version for model in READ_MODELS}] * len(READ_MODELS)
    assert live_tables.read_live_versions(database) == {model.name: model.version for model in catalogue}
