"""One server under every kind of attack that the other tests try one by one: afterwards the whole log verifies."""

import json
import socket
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import product

import httpx2

from api.settings import Settings
from tests.api_driver import GUEST, ApiDriver, extract_code
from tests.browser.scanners import SCANNERS
from tests.cli_driver import build_environment, run_command
from tests.integrations.mail.hostile_guests import iterate_bookings
from tests.once.guests import run_concurrently
from tests.once.server_processes import is_healthy, run_server_process
from tests.once.test_slow_clients import BEGINNINGS, begin_request
from tests.waiting import wait_until

BROKEN_BODIES = (
    b"",
    b"{",
    b"[]",
    b"\xff\xfe",
    b'{"start": NaN}',
    b'{"start": 1e400}',
    b'{"start": "\\u0000", "guest": {"name": "\\ud800", "email": "a@b.example"}}',
    b'{"start": "2027-02-30T10:00:00Z"}',
    b"[" * 10_000,
    json.dumps({"start": "x" * 1_000_000}).encode(),
)
SMUGGLING_HEADS = (
    b"POST /v1/book/x HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET",
    b"GET / HTTP/1.1\r\nHost: evil.example\r\nHost: x\r\n\r\n",
    b"GET /v1/me HTTP/9.9\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01",
)


@dataclass
class Victim:
    """A server, and what an attacker knows of it: a link's name, single-use codes, free times."""

    client: httpx2.Client
    slug: str
    codes: list[str]
    starts: list[str]
    outcomes: list[int] = field(default_factory=list)

    def send(self, method: str, path: str, **request: object) -> httpx2.Response:
        """Send a request as an attacker; no answer is a fault of the server."""
        response = self.client.request(method, path, **request)  # type: ignore[arg-type]
        assert response.status_code < 500 or response.status_code == 503, (method, path, response.text)
        self.outcomes.append(response.status_code)
        return response

    def book(self, code: str, start: str, **headers: str) -> httpx2.Response:
        """Book as a guest."""
        return self.send("POST", f"/v1/book/{code}", json={"start": start, "guest": GUEST}, headers=headers)


def run_race(victim: Victim) -> None:
    """Twenty at once for the one meeting of a link, and for one time by many links."""
    requests: list[Callable[[], httpx2.Response]] = [
        lambda start=start: victim.book(victim.codes[0], start)  # type: ignore[misc]
        for start in victim.starts[:4]
        for _ in range(5)
    ]
    requests += [lambda code=code: victim.book(code, victim.starts[5]) for code in victim.codes[1:-1]]  # type: ignore[misc]
    statuses = [response.status_code for response in run_concurrently(requests)]
    assert statuses.count(201) <= 2


def send_guessed_keys(victim: Victim) -> None:
    """Another guest's key, with other details, by the API and the page's form."""
    manage_url = victim.book(victim.slug, victim.starts[8], **{"Idempotency-Key": "order-1001"}).json()["manage_url"]
    reused = victim.book(victim.slug, victim.starts[9], **{"Idempotency-Key": "order-1001"})
    form = {"start": victim.starts[9], "name": "Eve", "email": "eve@evil.example", "key": "order-1001"}
    page = victim.send("POST", f"/book/{victim.slug}", data=form, headers={"Origin": str(victim.client.base_url)})
    assert reused.status_code == 422
    for response in (reused, page):
        assert extract_code(manage_url) not in response.text + str(response.headers)


def move_storm(victim: Victim) -> None:
    """A booking moved back and forth, and cancelled many times."""
    code = extract_code(victim.book(victim.slug, victim.starts[10]).json()["manage_url"])
    for number in range(20):
        victim.send("POST", f"/v1/manage/{code}/reschedule", json={"start": victim.starts[11 + number % 2]})
    run_concurrently([lambda: victim.send("POST", f"/v1/manage/{code}/cancel", json={})] * 10)


def type_hostile_details(victim: Victim) -> None:
    """Line breaks, markup, directions and headers as name, notes and address."""
    for (_, body), start in zip(iterate_bookings(), victim.starts[20:60], strict=False):
        victim.send("POST", f"/v1/book/{victim.slug}", json={"start": start, **body})


def send_broken_bodies(victim: Victim) -> None:
    """What is no JSON, too deep, too long or no text, wherever a guest can send something."""
    for path, body in product((victim.slug, victim.codes[-1], "../admin", "%00", "x" * 5_000), BROKEN_BODIES):
        response = victim.send("POST", f"/v1/book/{path}", content=body, headers={"Content-Type": "application/json"})
        assert response.status_code >= 400


def change_codes(victim: Victim) -> None:
    """Codes with a letter changed, cut, doubled, of another kind, and many made up."""
    code = victim.codes[-1]
    for changed_code in (code[:-1], code + code, code[::-1], code.swapcase(), code[:-1] + "A", "0" * len(code)):
        for path in (
            f"/v1/book/{changed_code}",
            f"/v1/manage/{changed_code}",
            f"/s/{changed_code}",
            f"/m/{changed_code}",
        ):
            if changed_code != code:
                assert victim.send("GET", path).status_code in (404, 429)


def open_links_as_scanners(victim: Victim) -> None:
    """Mail scanners that open every link with every method that reads."""
    for headers, path, method in product(
        list(SCANNERS.values())[:8],
        (f"/s/{victim.codes[-1]}", f"/book/{victim.slug}", "/links"),
        ("GET", "HEAD", "OPTIONS"),
    ):
        victim.send(method, path, headers=headers)


def send_broken_requests(victim: Victim) -> None:
    """Requests within requests, two hosts, other protocols, and heads and bodies that never end."""
    port = victim.client.base_url.port
    assert port
    with ExitStack() as stack:
        for beginning in (*SMUGGLING_HEADS, *BEGINNINGS * 10):
            connection: socket.socket = begin_request(stack, port, beginning)
            assert connection.fileno() >= 0
        assert victim.client.get("/healthz").status_code == 200


ATTACKS: tuple[Callable[[Victim], None], ...] = (
    run_race,
    send_guessed_keys,
    move_storm,
    type_hostile_details,
    send_broken_bodies,
    change_codes,
    open_links_as_scanners,
    send_broken_requests,
)


def test_the_log_verifies_after_all_of_them(api: ApiDriver, settings: Settings) -> None:
    link = api.create_link("Bait")
    with run_server_process(settings, 10) as (_, client):
        wait_until(lambda: is_healthy(client), "the server answers")
        victim = Victim(client, link["slug"], api.create_codes(link, 8), api.list_slots(link["slug"], days=7))
        for attack in ATTACKS:
            attack(victim)
        last_booking = victim.book(victim.codes[-1], victim.starts[-1])
        assert last_booking.status_code == 201, last_booking.text
    assert {201, 404, 409, 410, 422} <= set(victim.outcomes)
    assert len(victim.outcomes) > 150
    result = run_command(build_environment(settings), "verify", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["problems"] == []
