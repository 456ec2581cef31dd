"""Addresses that try to lead inside: each is refused by name of its rule, and nothing inside is ever connected to."""

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from ipaddress import ip_network
from typing import Any

import pytest

from integrations.calendars import errors
from integrations.calendars.errors import (
    CalendarError,
    DowngradedRedirect,
    HostNotFound,
    InvalidUrl,
    LoginInAddress,
    NoConnection,
    PrivateAddress,
    TooManyRedirects,
    WrongPort,
    WrongScheme,
)
from integrations.calendars.http_client import GuardedHttpClient
from integrations.calendars.network import resolve_host
from tests.integrations.calendars.feed_server import FeedServer, build_feed, run_feed_server, send_response

NAMES = {
    "private.example": ["10.1.2.3"],
    "loopback.example": ["127.0.0.1"],
    "loopback6.example": ["::1"],
    "both.example": ["93.184.216.34", "127.0.0.1"],
    "both6.example": ["2606:2800:220:1:248:1893:25c8:1946", "fe80::1%1"],
    "mapped.example": ["::ffff:10.0.0.1"],
    "metadata.example": ["169.254.169.254"],
    "cgnat.example": ["100.100.100.200"],
    "public.example": ["93.184.216.34"],
}
PRIVATE_ADDRESSES = [
    "http://127.0.0.1/",
    "http://127.0.0.1:8080/x.ics",
    "https://127.1/",
    "http://127.255.255.254/",
    "http://0.0.0.0/",
    "http://0/",
    "http://localhost/",
    "http://LOCALHOST/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.0.0.1/",
    "http://0x7f.1/",
    "http://017700000001/",
    "http://127.0.1/",
    "http://10.0.0.1/",
    "http://10.255.255.255/",
    "http://0xa000001/",
    "http://167772161/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.1.1/",
    "http://192.168.257/",
    "http://0xc0a80101/",
    "http://169.254.169.254/latest/meta-data/",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://169.254.170.2/v2/credentials",
    "http://100.100.100.200/latest/meta-data/",
    "http://100.64.0.1/",
    "http://168.63.129.16/",
    "http://192.0.0.192/",
    "http://192.0.2.1/",
    "http://198.18.0.1/",
    "http://198.51.100.7/",
    "http://203.0.113.9/",
    "http://192.88.99.1/",
    "http://224.0.0.1/",
    "http://239.255.255.250:1900/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://[::1]/",
    "http://[::]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::ffff:169.254.169.254]/",
    "http://[::ffff:0:127.0.0.1]/",
    "http://[::127.0.0.1]/",
    "http://[2002:7f00:1::]/",
    "http://[2002:a9fe:a9fe::1]/",
    "http://[64:ff9b::127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[64:ff9b:1::a9fe:a9fe]/",
    "http://[2001:0:53aa:64c:0:fbff:80ff:fffe]/",
    "http://[fc00::1]/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://[fe80::1]/",
    "http://[fec0::1]/",
    "http://[ff02::1]/",
    "http://[100::1]/",
    "http://[2001:db8::1]/",
    "http://[3fff::1]/",
    "http://[5f00::1]/",
    *(f"https://{name}/calendar.ics" for name in NAMES if name != "public.example"),
    "webcal://localhost/",
]
MALFORMED: list[tuple[str, type[CalendarError]]] = [
    ("http://public.example@127.0.0.1/", LoginInAddress),
    ("http://127.0.0.1@public.example/", LoginInAddress),
    ("http://user:secret@public.example/", LoginInAddress),
    ("http://@127.0.0.1/", PrivateAddress),
    ("http://0177.0.0.1/", InvalidUrl),
    ("http://0251.0376.0251.0376/", InvalidUrl),
    ("http://public.example\\@127.0.0.1/", InvalidUrl),
    ("http://public.example\\.127.0.0.1/", InvalidUrl),
    ("http://127.0.0.1\t/", InvalidUrl),
    ("http://public.example/\r\nHost: 127.0.0.1", InvalidUrl),
    ("http://①②⑦.⓪.⓪.①/", InvalidUrl),
    ("http://[::1/", InvalidUrl),
    ("http://[fe80::1%25lo]/", PrivateAddress),
    ("http:///etc/passwd", InvalidUrl),
    ("http:/127.0.0.1/", WrongScheme),
    ("//127.0.0.1/", InvalidUrl),
    ("", InvalidUrl),
    ("http://", InvalidUrl),
    ("file:///etc/passwd", WrongScheme),
    ("ftp://public.example/", WrongScheme),
    ("gopher://127.0.0.1:6379/_FLUSHALL", WrongScheme),
    ("dict://127.0.0.1:11211/stats", WrongScheme),
    ("ldap://127.0.0.1/", WrongScheme),
    ("data:text/calendar,BEGIN:VCALENDAR", WrongScheme),
    ("javascript:alert(1)", WrongScheme),
    ("unix:///var/run/docker.sock", WrongScheme),
    ("http+unix://%2Fvar%2Frun%2Fdocker.sock/", WrongScheme),
    ("http://public.example:22/", WrongPort),
    ("http://public.example:25/", WrongPort),
    ("https://public.example:1/", WrongPort),
    ("http://public.example:99999/", WrongPort),
    ("http://" + "a" * 3000 + ".example/", InvalidUrl),
]


def resolve_names(host: str, port: int, seconds: float) -> list[str]:
    """The addresses of the names above; of everything else, what this system thinks."""
    return NAMES.get(host) or resolve_host(host, port, seconds)


@pytest.fixture
def connection_attempts(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every address that anything tries to connect to; none is reached."""
    attempts: list[Any] = []

    def refuse_connection(address: Any, *_: Any, **__: Any) -> None:
        attempts.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", refuse_connection)
    return attempts


@pytest.fixture(scope="module")
def loopback_server() -> Iterator[FeedServer]:
    """A feed on loopback, which is inside."""
    with run_feed_server() as server:
        server.feeds["/secret.ics"] = build_feed()
        yield server


def test_enough_is_tried() -> None:
    assert len(set(PRIVATE_ADDRESSES)) + len({url for url, _ in MALFORMED}) >= 80


@pytest.mark.parametrize("url", PRIVATE_ADDRESSES)
def test_leads_inside(url: str, connection_attempts: list[Any]) -> None:
    with pytest.raises(PrivateAddress) as refusal:
        GuardedHttpClient(resolve=resolve_names).request("GET", url)
    assert connection_attempts == []
    assert "private or reserved network" in refusal.value.sentence
    assert refusal.value.field == "url"


@pytest.mark.parametrize(("url", "rule"), MALFORMED)
def test_is_no_address_of_a_calendar(url: str, rule: type[CalendarError], connection_attempts: list[Any]) -> None:
    with pytest.raises(rule) as refusal:
        GuardedHttpClient(resolve=resolve_names).request("GET", url)
    assert connection_attempts == []
    assert not url or url not in refusal.value.sentence


def test_a_dot_at_the_end_leads_nowhere_else(connection_attempts: list[Any]) -> None:
    with pytest.raises((PrivateAddress, HostNotFound)):
        GuardedHttpClient().request("GET", "http://localhost./")
    assert connection_attempts == []


def test_connects_to_the_very_address_that_was_checked(connection_attempts: list[Any]) -> None:
    with pytest.raises(NoConnection):
        GuardedHttpClient(resolve=resolve_names).request("GET", "https://public.example/a.ics")
    assert connection_attempts == [("93.184.216.34", 443)]


def test_a_name_that_changes_its_mind_is_asked_once(connection_attempts: list[Any]) -> None:
    address_lists = iter([["93.184.216.34"], ["127.0.0.1"], ["127.0.0.1"]])
    with pytest.raises(NoConnection):
        GuardedHttpClient(resolve=lambda *_: next(address_lists)).request("GET", "http://rebinding.example/a.ics")
    assert connection_attempts == [("93.184.216.34", 80)]
    assert next(address_lists) == ["127.0.0.1"]  # nobody asked a second time


def build_handler(status: int, **headers: str) -> Callable[[Any], None]:
    """An answer of this status."""
    return lambda handler: send_response(handler, status, b"", headers)


class TestRedirects:
    """A server that may be asked, here one on loopback, which is allowed, leads elsewhere."""

    @pytest.mark.parametrize(
        "target",
        [
            "http://10.0.0.1/",
            "http://169.254.169.254/latest/meta-data/",
            "//10.0.0.1/",
            "http://[::ffff:10.0.0.1]/",
            "http://0xa000001/",
            "http://private.example/",
        ],
    )
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_inside(self, loopback_server: FeedServer, target: str, status: int) -> None:
        loopback_server.feeds["/redirect"] = build_handler(status, Location=target)
        with pytest.raises(PrivateAddress):
            GuardedHttpClient([ip_network("127.0.0.0/8")], resolve=resolve_names).request(
                "GET", loopback_server.build_url("/redirect")
            )

    @pytest.mark.parametrize(
        ("target", "rule"),
        [
            ("file:///etc/passwd", WrongScheme),
            ("http://a@127.0.0.1/", LoginInAddress),
            ("http://127.0.0.1:22/", WrongPort),
        ],
    )
    def test_to_what_is_no_address_of_a_calendar(
        self, loopback_server: FeedServer, target: str, rule: type[CalendarError]
    ) -> None:
        loopback_server.feeds["/redirect"] = build_handler(302, Location=target)
        with pytest.raises(rule):
            GuardedHttpClient([ip_network("127.0.0.0/8")], resolve=resolve_names).request(
                "GET", loopback_server.build_url("/redirect")
            )

    def test_in_circles(self, loopback_server: FeedServer) -> None:
        loopback_server.feeds["/circle"] = build_handler(302, Location="/circle")
        request_count = len(loopback_server.requested_paths)
        with pytest.raises(TooManyRedirects):
            GuardedHttpClient([ip_network("127.0.0.0/8")]).request("GET", loopback_server.build_url("/circle"))
        assert len(loopback_server.requested_paths) == request_count + 4

    def test_three_are_followed(self, loopback_server: FeedServer) -> None:
        for number, target in enumerate(("/1", "/2", "/secret.ics")):
            loopback_server.feeds[f"/{number}"] = build_handler(302, Location=target)
        assert (
            GuardedHttpClient([ip_network("127.0.0.0/8")]).request("GET", loopback_server.build_url("/0")).status == 200
        )

    def test_from_https_to_http(self) -> None:
        web = GuardedHttpClient()
        with pytest.raises(DowngradedRedirect):
            web.resolve_redirect(web.check_url("https://public.example/"), "http://public.example/", None)


def test_only_allowed_networks_are_reached(loopback_server: FeedServer) -> None:
    request_count = len(loopback_server.requested_paths)
    for networks in ([], [ip_network("10.0.0.0/8")], [ip_network("::/0")]):
        with pytest.raises(PrivateAddress):
            GuardedHttpClient(networks).request("GET", loopback_server.build_url("/secret.ics"))
    assert len(loopback_server.requested_paths) == request_count
    assert (
        GuardedHttpClient([ip_network("127.0.0.1/32")]).request("GET", loopback_server.build_url("/secret.ics")).status
        == 200
    )


def test_a_proxy_of_the_environment_is_not_used(loopback_server: FeedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, loopback_server.build_url("/"))
    request_count = len(loopback_server.requested_paths)
    with suppress(NoConnection):
        GuardedHttpClient(resolve=lambda *_: ["192.0.2.1"], allowed=[ip_network("192.0.2.1/32")], seconds=0.2).request(
            "GET", "http://public.example/"
        )
    assert len(loopback_server.requested_paths) == request_count


def test_every_trouble_says_something() -> None:
    error_classes = [
        candidate
        for candidate in vars(errors).values()
        if isinstance(candidate, type) and issubclass(candidate, CalendarError)
    ]
    assert len(error_classes) > 20
    assert all((error_class.__doc__ or "").endswith(".") for error_class in error_classes)
