"""When nobody knows whether an append happened, nobody is told something that is not so."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from fastapi.testclient import TestClient

from api.app import build
from api.server import DATABASE
from store import database
from store.embedded.server import Server
from store.schema import SERVICE_ROLE
from tests.api_driver import House
from tests.once.commands import (
    COMMANDS,
    Command,
    add_person,
    book_core_link,
    book_single_use,
    change_link,
    create_link,
    issue,
    new_single_use,
)
from tests.once.conftest import new_settings
from tests.once.database_proxy import (
    Action,
    Delayed,
    Proxy,
    Wire,
    after,
    drop_request,
    drop_request_and_shut,
    hold_answer,
    lose_answer,
    lose_answer_and_shut,
    proxying,
)
from tests.once.guests import outcome

APPEND = ".append("
CLAIMS = ".claims WHERE kind"
READ = ".events e ON e.stream_id"
EVENTS = "SELECT count(*) AS n FROM {schema}.events WHERE type = %s"
HELD_SECONDS = 1.5
FAULTS: dict[str, Callable[[], Action]] = {
    "carried out, answer lost": lambda: lose_answer,
    "never carried out": lambda: drop_request,
    "carried out while it is tried again": lambda: Delayed(APPEND),
}
OUTAGES = {"carried out": lose_answer_and_shut, "not carried out": drop_request_and_shut}
Prepare = Callable[[House], Command]


@pytest.fixture(scope="module")
def remote_proxy(server: Server) -> Iterator[Proxy]:
    """What lies between the service and PostgreSQL."""
    with proxying(server) as found:
        yield found


@pytest.fixture(scope="module")
def remote(server: Server, remote_proxy: Proxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A service that reaches PostgreSQL through the proxy, and gives up soon where there is none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "POOL_WAIT_SECONDS", 0.5)
        settings = new_settings(server, tmp_path_factory.mktemp("remote"))
        url = remote_proxy.url(SERVICE_ROLE, DATABASE)
        service = build(settings.model_copy(update={"database_url": url}))
        with TestClient(service, raise_server_exceptions=False) as client:
            yield House.furnished(client)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("prepare", COMMANDS, ids=lambda one: one.__name__)
def test_one_cut_goes_unnoticed(prepare: Prepare, fault: str, remote: House, remote_proxy: Proxy) -> None:
    """The service finds out by itself: the success is answered, once, and happened once."""
    command = prepare(remote)
    before = events(remote, command)
    remote_proxy.at(APPEND, FAULTS[fault]())
    answer = command.send(remote)
    assert not remote_proxy.plans
    check_success(remote, command, answer, before)
    assert "Idempotent-Replayed" not in answer.headers
    check_repetition(remote, command, answer.json() if answer.content else None)


@pytest.mark.parametrize("prepare", [create_link, add_person], ids=lambda one: one.__name__)
def test_what_one_lost_oneself_is_not_taken(prepare: Prepare, remote: House, remote_proxy: Proxy) -> None:
    """The lost append happens between two reads of the next attempt: its slug or address then looks taken."""
    command = prepare(remote)
    before = events(remote, command)
    remote_proxy.at(APPEND, Delayed(until=CLAIMS))
    answer = command.send(remote)
    assert not remote_proxy.plans
    check_success(remote, command, answer, before)


@pytest.mark.parametrize("outage", OUTAGES)
@pytest.mark.parametrize("prepare", [book_single_use, book_core_link, issue], ids=lambda one: one.__name__)
def test_a_retry_finds_out(prepare: Prepare, outage: str, remote: House, remote_proxy: Proxy) -> None:
    """The database stays away: 503; later the same key gets what happened, or makes it happen."""
    command = prepare(remote)
    before = events(remote, command)
    remote_proxy.at(APPEND, OUTAGES[outage])
    answer = command.send(remote)
    remote_proxy.open()
    assert outcome(answer) == "503 try_again"
    assert int(answer.headers["Retry-After"]) > 0
    again = when_back(remote, command)
    check_success(remote, command, again, before)
    assert ("Idempotent-Replayed" in again.headers) == (outage == "carried out")
    check_repetition(remote, command, again.json())


def test_a_held_answer_holds_up_nobody_else(remote: House, remote_proxy: Proxy) -> None:
    held, code = book_single_use(remote), new_single_use(remote)["code"]
    other_start = remote.slots(code)[1]
    remote_proxy.at(APPEND, hold_answer(HELD_SECONDS))
    began = time.monotonic()
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(held.send, remote)
        while remote_proxy.plans:
            time.sleep(0.005)
        remote.book(code, other_start)
        assert time.monotonic() - began < HELD_SECONDS
        assert waiting.result().status_code == 201
    assert time.monotonic() - began >= HELD_SECONDS


def test_an_edit_is_not_refused_for_its_own_lost_write(remote: House, remote_proxy: Proxy) -> None:
    """Not even when somebody else has edited the same thing by the time that the lost answer is noticed."""
    command = change_link(remote)
    before = events(remote, command)

    def edit_meanwhile(wire: Wire, request: bytes) -> None:
        remote_proxy.at(READ, after(lambda: remote.patch(command.path, {"in_library": True}, "manager")))
        lose_answer(wire, request)

    remote_proxy.at(APPEND, edit_meanwhile)
    answer = command.send(remote)
    assert not remote_proxy.plans
    check_success(remote, command, answer, before + 1)
    assert answer.json()["in_library"]
    assert answer.json()["slug"] == command.body["slug"]


def test_a_used_link_stays_used(remote: House, remote_proxy: Proxy) -> None:
    """Also for whoever lost a request on it: a booking by somebody else is not mistaken for one's own."""
    code = new_single_use(remote)["code"]
    start = remote.slots(code, 1)[0]

    def book_meanwhile(wire: Wire, request: bytes) -> None:
        remote.book(code, start)
        drop_request(wire, request)

    remote_proxy.at(APPEND, book_meanwhile)
    remote.book(code, start, expect=410, Idempotency_Key="mine")


def events(house: House, command: Command) -> int:
    """How many events of the command's kind the log has."""
    return int(house.oncelink.database.rows(EVENTS, (command.event,))[0]["n"])


def check_success(house: House, command: Command, answer: httpx2.Response, before: int) -> None:
    """The command was answered as done, with its position, and appended what it appends once."""
    assert answer.status_code == command.status, answer.text
    assert int(answer.headers["Oncelink-Position"]) > 0
    assert events(house, command) == before + command.events


def check_repetition(house: House, command: Command, body: object) -> None:
    """The same request with the same key is answered the same, and appends nothing."""
    if command.key is None:
        return
    before = events(house, command)
    again = command.send(house)
    assert again.status_code == command.status
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json() == body
    assert events(house, command) == before


def when_back(house: House, command: Command) -> httpx2.Response:
    """The first answer to a retry that is not 503."""
    deadline = time.monotonic() + 20
    while (answer := command.send(house)).status_code == 503:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return answer
