"""A small organisation with some of everything in its log, sealed, at rest: nothing runs on it any more."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient
from psycopg import Connection
from psycopg.rows import DictRow, dict_row

from api.app import build
from api.server import DATABASE
from api.settings import Settings
from replay.tree.checkpoint import Checkpoint
from replay.tree.sealer import seal_all
from replay.verify.problems import Problem, Report
from replay.verify.verification import of_log, of_read_models
from replay.verify.verify_connection import UNHURRIED, Ask
from store.database import Database
from store.embedded.server import Server
from tests.api.refusals import head, listed
from tests.api_driver import House, code_of
from tests.conftest import new_settings


@dataclass(frozen=True)
class World:
    """The log of an organisation, and who may change it: the superuser."""

    settings: Settings
    database: Database
    superuser_url: str
    link: str
    tokens: list[str]  # booked, moved; booked, cancelled; revoked; unused
    direct: list[str]  # two bookings on the link itself
    given: str  # one more, that was given to another host

    def rows(self, query: str, *params: Any) -> list[DictRow]:
        """Rows that the service's role sees."""
        return self.database.rows(query, params)

    def position(self, stream: str, type_: str) -> int:
        """Where in the log a stream's event is."""
        query = "SELECT position FROM {schema}.events WHERE stream_id = %s AND type LIKE %s ORDER BY position"
        return int(self.rows(query, stream, f"{type_}.%")[0]["position"])


def told(world: House) -> tuple[str, list[str], list[str], str]:
    """Makes some of everything happen; the link, its tokens, and the direct bookings on it, the last one given away."""
    house = world
    link = house.link("Intro")
    issued = {"recipients": [{"name": f"R{n}", "email": f"r{n}@acme.example"} for n in range(4)], "label": "Acme"}
    items = house.post(f"/v1/links/{link['id']}/single-use", issued, "member", 201)["items"]
    starts = house.slots(link["slug"])
    moved = house.book(items[0]["code"], starts[0])
    house.post(f"/v1/manage/{code_of(moved['manage_url'])}/reschedule", {"start": starts[9]})
    gone = house.book(items[1]["code"], starts[1])
    house.post(f"/v1/manage/{code_of(gone['manage_url'])}/cancel", {"reason": "Something came up"})
    house.post(f"/v1/single-use/{items[2]['id']}/revoke", {"reason": "Sent to the wrong one"}, "member")
    house.patch(f"/v1/links/{link['id']}", {"co_host_ids": [house.ids["engineer"]], "slug": "renamed"}, "member")
    direct = [house.book("renamed", start)["booking"]["id"] for start in (starts[1], starts[0])]
    given = house.book("renamed", starts[12])["booking"]["id"]
    house.post(f"/v1/bookings/{given}/reassign", {"host_id": house.ids["manager"]}, "manager")
    managed = {"name": "All", "slug": "all", "meeting_type_id": house.ids["type"], "host_ids": [house.ids["engineer"]]}
    house.post("/v1/managed-links", managed, "manager", 201)
    other = house.link("Other", slug="other")
    house.post(f"/v1/links/{other['id']}/disable", None, "member")
    house.send("DELETE", f"/v1/links/{other['id']}", who="member")
    house.patch(f"/v1/people/{house.ids['engineer']}", {"email": "Straße@Nexora.example"}, "admin")
    for number in range(45):  # more than one block of 64
        house.patch(f"/v1/meeting-types/{house.ids['type']}", {"name": f"Intro {number}"}, "admin")
    listed(house, "/v1/meeting-log", "manager")
    return link["id"], [item["id"] for item in items], direct, given


@pytest.fixture(scope="session")
def world(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The organisation, shared by all tests here: whoever plants a fault takes it back."""
    with new_settings(server, tmp_path_factory.mktemp("data"), base_url="http://testserver") as settings:
        with TestClient(build(settings), raise_server_exceptions=False) as client:
            house = House.furnished(client)
            facts = told(house)
            assert head(house) > 64
        database = Database(settings.database_url, settings.db_schema).open()
        seal_all(database)
        yield World(settings, database, server.url(database=DATABASE), *facts)
        database.close()


class Superuser:
    """Somebody who may change anything, in a transaction that is taken back."""

    def __init__(self, world: World, connection: Connection[DictRow]) -> None:
        self.world = world
        self.connection = connection

    def plants(self, query: str, *params: Any) -> int:
        """Changes something behind the log's back; at least one row, or it proves nothing."""
        changed = self.connection.execute(self.world.database.text(query), params)
        assert changed.rowcount != 0, "nothing was changed"
        return changed.rowcount

    def drops(self, constraint: str, table: str = "events") -> None:
        """Removes what would not let a fault be planted."""
        self.connection.execute(
            self.world.database.text(f'ALTER TABLE {{schema}}.{table} DROP CONSTRAINT "{constraint}"')
        )

    def finds(self, *checkpoints: Checkpoint) -> Report:
        """What a verification finds, in the transaction in which it was planted."""
        report, ask = Report(), Ask(self.world.database, self.connection)
        report.problems = [*of_log(ask, report, checkpoints), *of_read_models(ask, report)]
        return report

    def finds_one(self, check: str, *checkpoints: Checkpoint) -> Problem:
        """The one problem that a check finds."""
        [problem] = self.finds_all(check, *checkpoints)
        return problem

    def finds_all(self, check: str, *checkpoints: Checkpoint) -> list[Problem]:
        """The problems that a check finds."""
        return [one for one in self.finds(*checkpoints).problems if one.check == check]


@pytest.fixture
def superuser(world: World) -> Iterator[Superuser]:
    """The superuser; whatever they change is taken back."""
    with psycopg.connect(world.superuser_url, row_factory=dict_row, options=UNHURRIED) as connection:
        yield Superuser(world, connection)
        connection.rollback()
