"""When nobody knows whether an append happened, nobody is told something that is not so."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from fastapi.testclient import TestClient

from api.app import build_app
from api.server import DATABASE
from store import database
from store.embedded.server import Server
from store.schema import SERVICE_ROLE
from tests.api_driver import ApiDriver
from tests.once.commands import (
    COMMANDS,
    Command,
    add_person,
    book_core_link,
    book_single_use,
    create_link,
    issue_single_use_link,
    issue_single_use_links,
    update_link,
)
from tests.once.conftest import create_settings
from tests.once.database_proxy import (
    Action,
    DatabaseProxy,
    DelayedRequest,
    ProxiedConnection,
    delay_response,
    drop_request,
    drop_request_and_stop,
    drop_response,
    drop_response_and_stop,
    run_before,
    run_proxy,
)
from tests.once.guests import to_outcome

APPEND = ".append("
CLAIMS = ".claims WHERE kind"
READ = ".events e ON e.stream_id"
EVENTS = "SELECT count(*) AS n FROM {schema}.events WHERE type = %s"
DELAY_SECONDS = 1.5
FAULTS: dict[str, Callable[[], Action]] = {
    "carried out, answer lost": lambda: drop_response,
    "never carried out": lambda: drop_request,
    "carried out while it is tried again": lambda: DelayedRequest(APPEND),
}
OUTAGES = {"carried out": drop_response_and_stop, "not carried out": drop_request_and_stop}
Prepare = Callable[[ApiDriver], Command]


@pytest.fixture(scope="module")
def remote_proxy(server: Server) -> Iterator[DatabaseProxy]:
    """The proxy between the service and PostgreSQL."""
    with run_proxy(server) as running_proxy:
        yield running_proxy


@pytest.fixture(scope="module")
def remote_api(
    server: Server, remote_proxy: DatabaseProxy, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ApiDriver]:
    """A service that reaches PostgreSQL through the proxy, with a short wait for the pool."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "POOL_WAIT_SECONDS", 0.5)
        settings = create_settings(server, tmp_path_factory.mktemp("remote"))
        url = remote_proxy.build_url(SERVICE_ROLE, DATABASE)
        service = build_app(settings.model_copy(update={"database_url": url}))
        with TestClient(service, raise_server_exceptions=False) as client:
            yield ApiDriver.create_organisation(client)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("prepare", COMMANDS, ids=lambda function: function.__name__)
def test_one_cut_goes_unnoticed(
    prepare: Prepare, fault: str, remote_api: ApiDriver, remote_proxy: DatabaseProxy
) -> None:
    """The service finds out by itself: the success is answered, once, and happened once."""
    command = prepare(remote_api)
    event_count = count_events(remote_api, command)
    remote_proxy.plan_action(APPEND, FAULTS[fault]())
    response = command.send(remote_api)
    assert not remote_proxy.planned_actions
    check_success(remote_api, command, response, event_count)
    assert "Idempotent-Replayed" not in response.headers
    check_repetition(remote_api, command, response.json() if response.content else None)


@pytest.mark.parametrize("prepare", [create_link, add_person], ids=lambda function: function.__name__)
def test_what_one_lost_oneself_is_not_taken(
    prepare: Prepare, remote_api: ApiDriver, remote_proxy: DatabaseProxy
) -> None:
    """The lost append happens between two reads of the next attempt: its slug or address then looks taken."""
    command = prepare(remote_api)
    event_count = count_events(remote_api, command)
    remote_proxy.plan_action(APPEND, DelayedRequest(until=CLAIMS))
    response = command.send(remote_api)
    assert not remote_proxy.planned_actions
    check_success(remote_api, command, response, event_count)


@pytest.mark.parametrize("outage", OUTAGES)
@pytest.mark.parametrize(
    "prepare", [book_single_use, book_core_link, issue_single_use_links], ids=lambda function: function.__name__
)
def test_a_retry_finds_out(prepare: Prepare, outage: str, remote_api: ApiDriver, remote_proxy: DatabaseProxy) -> None:
    """The database stays away: 503; later the same key gets what happened, or makes it happen."""
    command = prepare(remote_api)
    event_count = count_events(remote_api, command)
    remote_proxy.plan_action(APPEND, OUTAGES[outage])
    response = command.send(remote_api)
    remote_proxy.start_listening()
    assert to_outcome(response) == "503 try_again"
    assert int(response.headers["Retry-After"]) > 0
    second_response = retry_until_available(remote_api, command)
    check_success(remote_api, command, second_response, event_count)
    assert ("Idempotent-Replayed" in second_response.headers) == (outage == "carried out")
    check_repetition(remote_api, command, second_response.json())


def test_a_delayed_response_holds_up_nobody_else(remote_api: ApiDriver, remote_proxy: DatabaseProxy) -> None:
    command, code = book_single_use(remote_api), issue_single_use_link(remote_api)["code"]
    other_start = remote_api.list_slots(code)[1]
    remote_proxy.plan_action(APPEND, delay_response(DELAY_SECONDS))
    started_at = time.monotonic()
    with ThreadPoolExecutor(1) as thread:
        future = thread.submit(command.send, remote_api)
        while remote_proxy.planned_actions:
            time.sleep(0.005)
        remote_api.book_meeting(code, other_start)
        assert time.monotonic() - started_at < DELAY_SECONDS
        assert future.result().status_code == 201
    assert time.monotonic() - started_at >= DELAY_SECONDS


def test_an_edit_is_not_refused_for_its_own_lost_write(remote_api: ApiDriver, remote_proxy: DatabaseProxy) -> None:
    """Not even when somebody else has edited the same thing by the time that the lost answer is noticed."""
    command = update_link(remote_api)
    event_count = count_events(remote_api, command)

    def edit_meanwhile(connection: ProxiedConnection, request: bytes) -> None:
        remote_proxy.plan_action(
            READ, run_before(lambda: remote_api.patch(command.path, {"in_library": True}, "manager"))
        )
        drop_response(connection, request)

    remote_proxy.plan_action(APPEND, edit_meanwhile)
    response = command.send(remote_api)
    assert not remote_proxy.planned_actions
    check_success(remote_api, command, response, event_count + 1)
    assert response.json()["in_library"]
    assert response.json()["slug"] == command.body["slug"]


def test_a_used_link_stays_used(remote_api: ApiDriver, remote_proxy: DatabaseProxy) -> None:
    """Also for whoever lost a request on it: a booking by somebody else is not mistaken for one's own."""
    code = issue_single_use_link(remote_api)["code"]
    start = remote_api.list_slots(code, 1)[0]

    def book_meanwhile(connection: ProxiedConnection, request: bytes) -> None:
        remote_api.book_meeting(code, start)
        drop_request(connection, request)

    remote_proxy.plan_action(APPEND, book_meanwhile)
    remote_api.book_meeting(code, start, expect=410, Idempotency_Key="mine")


def count_events(api: ApiDriver, command: Command) -> int:
    """Count the events in the log of the command's type."""
    return int(api.services.database.fetch_rows(EVENTS, (command.event,))[0]["n"])


def check_success(api: ApiDriver, command: Command, response: httpx2.Response, event_count: int) -> None:
    """Check that the command succeeded, has a position and appended its events once."""
    assert response.status_code == command.status, response.text
    assert int(response.headers["Oncelink-Position"]) > 0
    assert count_events(api, command) == event_count + command.events


def check_repetition(api: ApiDriver, command: Command, body: object) -> None:
    """Check that the same request with the same key gets the same response and appends nothing."""
    if command.key is None:
        return
    event_count = count_events(api, command)
    second_response = command.send(api)
    assert second_response.status_code == command.status
    assert second_response.headers["Idempotent-Replayed"] == "true"
    assert second_response.json() == body
    assert count_events(api, command) == event_count


def retry_until_available(api: ApiDriver, command: Command) -> httpx2.Response:
    """Send the command until the response is not 503. Return that response."""
    deadline = time.monotonic() + 20
    while (response := command.send(api)).status_code == 503:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return response
