"""An organisation with every kind of event in its log, sealed; nothing runs on it any more."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient
from psycopg import Connection
from psycopg.rows import DictRow, dict_row

from api.app import build_app
from api.server import DATABASE
from api.settings import Settings
from replay.tree.checkpoint import Checkpoint
from replay.tree.sealer import seal_all_events
from replay.verify.problems import Problem, Report
from replay.verify.verification import find_log_problems, find_read_model_problems
from replay.verify.verify_connection import NO_TIMEOUTS, VerifyConnection
from store.database import Database
from store.embedded.server import Server
from tests.api.refusals import fetch_list, find_last_position
from tests.api_driver import ApiDriver, extract_code
from tests.conftest import use_new_settings


@dataclass(frozen=True)
class SealedLog:
    """The sealed log of an organisation, and the URL of the superuser who may change it."""

    settings: Settings
    database: Database
    superuser_url: str
    link: str
    tokens: list[str]  # booked, moved; booked, cancelled; revoked; unused
    direct: list[str]  # two bookings on the link itself
    reassigned: str  # one more, that was given to another host

    def fetch_rows(self, query: str, *params: Any) -> list[DictRow]:
        """Fetch rows as the service's role."""
        return self.database.fetch_rows(query, params)

    def find_position(self, stream: str, type_: str) -> int:
        """Find the position of a stream's event."""
        query = "SELECT position FROM {schema}.events WHERE stream_id = %s AND type LIKE %s ORDER BY position"
        return int(self.fetch_rows(query, stream, f"{type_}.%")[0]["position"])


def create_history(driver: ApiDriver) -> tuple[str, list[str], list[str], str]:
    """Create every kind of event. Return the link, its tokens, its direct bookings, and the reassigned one."""
    api = driver
    link = api.create_link("Intro")
    body = {"recipients": [{"name": f"R{n}", "email": f"r{n}@acme.example"} for n in range(4)], "label": "Acme"}
    items = api.post(f"/v1/links/{link['id']}/single-use", body, "member", 201)["items"]
    starts = api.list_slots(link["slug"])
    moved_booking = api.book_meeting(items[0]["code"], starts[0])
    api.post(f"/v1/manage/{extract_code(moved_booking['manage_url'])}/reschedule", {"start": starts[9]})
    cancelled_booking = api.book_meeting(items[1]["code"], starts[1])
    api.post(f"/v1/manage/{extract_code(cancelled_booking['manage_url'])}/cancel", {"reason": "Something came up"})
    api.post(f"/v1/single-use/{items[2]['id']}/revoke", {"reason": "Sent to the wrong one"}, "member")
    api.patch(f"/v1/links/{link['id']}", {"co_host_ids": [api.ids["engineer"]], "slug": "renamed"}, "member")
    direct = [api.book_meeting("renamed", start)["booking"]["id"] for start in (starts[1], starts[0])]
    reassigned = api.book_meeting("renamed", starts[12])["booking"]["id"]
    api.post(f"/v1/bookings/{reassigned}/reassign", {"host_id": api.ids["manager"]}, "manager")
    body_of_managed_link = {
        "name": "All",
        "slug": "all",
        "meeting_type_id": api.ids["type"],
        "host_ids": [api.ids["engineer"]],
    }
    api.post("/v1/managed-links", body_of_managed_link, "manager", 201)
    other_link = api.create_link("Other", slug="other")
    api.post(f"/v1/links/{other_link['id']}/disable", None, "member")
    api.send_request("DELETE", f"/v1/links/{other_link['id']}", who="member")
    api.patch(f"/v1/people/{api.ids['engineer']}", {"email": "Straße@Nexora.example"}, "admin")
    for number in range(45):  # more than one block of 64
        api.patch(f"/v1/meeting-types/{api.ids['type']}", {"name": f"Intro {number}"}, "admin")
    fetch_list(api, "/v1/meeting-log", "manager")
    return link["id"], [item["id"] for item in items], direct, reassigned


@pytest.fixture(scope="session")
def sealed_log(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SealedLog]:
    """The sealed log, shared by all tests here: a test that plants a fault rolls it back."""
    with use_new_settings(server, tmp_path_factory.mktemp("data"), base_url="http://testserver") as settings:
        with TestClient(build_app(settings), raise_server_exceptions=False) as client:
            api = ApiDriver.create_organisation(client)
            ids = create_history(api)
            assert find_last_position(api) > 64
        database = Database(settings.database_url, settings.db_schema).open()
        seal_all_events(database)
        yield SealedLog(settings, database, server.build_url(database=DATABASE), *ids)
        database.close()


class Superuser:
    """A connection that may change anything, in a transaction that is rolled back."""

    def __init__(self, sealed_log: SealedLog, connection: Connection[DictRow]) -> None:
        self.sealed_log = sealed_log
        self.connection = connection

    def plant_fault(self, query: str, *params: Any) -> int:
        """Change data behind the log's back. Raises AssertionError unless a row changed."""
        cursor = self.connection.execute(self.sealed_log.database.compose_query(query), params)
        assert cursor.rowcount != 0, "nothing was changed"
        return cursor.rowcount

    def drop_constraint(self, constraint: str, table: str = "events") -> None:
        """Drop a constraint that would prevent a fault."""
        self.connection.execute(
            self.sealed_log.database.compose_query(f'ALTER TABLE {{schema}}.{table} DROP CONSTRAINT "{constraint}"')
        )

    def verify_log(self, *checkpoints: Checkpoint) -> Report:
        """Verify the log in the transaction in which a fault was planted."""
        report, verify_connection = Report(), VerifyConnection(self.sealed_log.database, self.connection)
        report.problems = [
            *find_log_problems(verify_connection, report, checkpoints),
            *find_read_model_problems(verify_connection, report),
        ]
        return report

    def find_problem(self, check: str, *checkpoints: Checkpoint) -> Problem:
        """Find the one problem of a check."""
        [problem] = self.find_problems(check, *checkpoints)
        return problem

    def find_problems(self, check: str, *checkpoints: Checkpoint) -> list[Problem]:
        """Find the problems of a check."""
        return [problem for problem in self.verify_log(*checkpoints).problems if problem.check == check]


@pytest.fixture
def superuser(sealed_log: SealedLog) -> Iterator[Superuser]:
    """The superuser; their changes are rolled back."""
    with psycopg.connect(sealed_log.superuser_url, row_factory=dict_row, options=NO_TIMEOUTS) as connection:
        yield Superuser(sealed_log, connection)
        connection.rollback()
