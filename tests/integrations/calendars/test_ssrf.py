"""Addresses that try to lead inside: each is refused by name of its rule, and nothing inside is ever connected to."""

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from ipaddress import ip_network
from typing import Any

import pytest

from integrations.calendars import errors
from integrations.calendars.errors import (
    DowngradedRedirect,
    InsideAddress,
    LoginInAddress,
    NoConnection,
    NoSuchHost,
    NotAnAddress,
    TooManyRedirects,
    Trouble,
    WrongPort,
    WrongScheme,
)
from integrations.calendars.http_client import Web
from integrations.calendars.network import resolved
from tests.integrations.calendars.feed_server import FeedServer, feed, feed_server, sends

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
INSIDE = [
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
MALFORMED: list[tuple[str, type[Trouble]]] = [
    ("http://public.example@127.0.0.1/", LoginInAddress),
    ("http://127.0.0.1@public.example/", LoginInAddress),
    ("http://user:secret@public.example/", LoginInAddress),
    ("http://@127.0.0.1/", InsideAddress),
    ("http://0177.0.0.1/", NotAnAddress),
    ("http://0251.0376.0251.0376/", NotAnAddress),
    ("http://public.example\\@127.0.0.1/", NotAnAddress),
    ("http://public.example\\.127.0.0.1/", NotAnAddress),
    ("http://127.0.0.1\t/", NotAnAddress),
    ("http://public.example/\r\nHost: 127.0.0.1", NotAnAddress),
    ("http://①②⑦.⓪.⓪.①/", NotAnAddress),
    ("http://[::1/", NotAnAddress),
    ("http://[fe80::1%25lo]/", InsideAddress),
    ("http:///etc/passwd", NotAnAddress),
    ("http:/127.0.0.1/", WrongScheme),
    ("//127.0.0.1/", NotAnAddress),
    ("", NotAnAddress),
    ("http://", NotAnAddress),
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
    ("http://" + "a" * 3000 + ".example/", NotAnAddress),
]


def names(host: str, port: int, seconds: float) -> list[str]:
    """The addresses of the names above; of everything else, what this system thinks."""
    return NAMES.get(host) or resolved(host, port, seconds)


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every address that anything tries to connect to; none is reached."""
    tried: list[Any] = []

    def refuses(address: Any, *_: Any, **__: Any) -> None:
        tried.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", refuses)
    return tried


@pytest.fixture(scope="module")
def inside() -> Iterator[FeedServer]:
    """A feed on loopback, which is inside."""
    with feed_server() as server:
        server.feeds["/secret.ics"] = feed()
        yield server


def test_enough_is_tried() -> None:
    assert len(set(INSIDE)) + len({url for url, _ in MALFORMED}) >= 80


@pytest.mark.parametrize("url", INSIDE)
def test_leads_inside(url: str, connections: list[Any]) -> None:
    with pytest.raises(InsideAddress) as refused:
        Web(resolve=names).ask("GET", url)
    assert connections == []
    assert "private or reserved network" in refused.value.sentence
    assert refused.value.field == "url"


@pytest.mark.parametrize(("url", "rule"), MALFORMED)
def test_is_no_address_of_a_calendar(url: str, rule: type[Trouble], connections: list[Any]) -> None:
    with pytest.raises(rule) as refused:
        Web(resolve=names).ask("GET", url)
    assert connections == []
    assert not url or url not in refused.value.sentence


def test_a_dot_at_the_end_leads_nowhere_else(connections: list[Any]) -> None:
    with pytest.raises((InsideAddress, NoSuchHost)):
        Web().ask("GET", "http://localhost./")
    assert connections == []


def test_connects_to_the_very_address_that_was_checked(connections: list[Any]) -> None:
    with pytest.raises(NoConnection):
        Web(resolve=names).ask("GET", "https://public.example/a.ics")
    assert connections == [("93.184.216.34", 443)]


def test_a_name_that_changes_its_mind_is_asked_once(connections: list[Any]) -> None:
    answers = iter([["93.184.216.34"], ["127.0.0.1"], ["127.0.0.1"]])
    with pytest.raises(NoConnection):
        Web(resolve=lambda *_: next(answers)).ask("GET", "http://rebinding.example/a.ics")
    assert connections == [("93.184.216.34", 80)]
    assert next(answers) == ["127.0.0.1"]  # nobody asked a second time


def answering(status: int, **headers: str) -> Callable[[Any], None]:
    """An answer of this status."""
    return lambda handler: sends(handler, status, b"", headers)


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
    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    def test_inside(self, inside: FeedServer, target: str, status: int) -> None:
        inside.feeds["/redirect"] = answering(status, Location=target)
        with pytest.raises(InsideAddress):
            Web([ip_network("127.0.0.0/8")], resolve=names).ask("GET", inside.url("/redirect"))

    @pytest.mark.parametrize(
        ("target", "rule"),
        [
            ("file:///etc/passwd", WrongScheme),
            ("http://a@127.0.0.1/", LoginInAddress),
            ("http://127.0.0.1:22/", WrongPort),
        ],
    )
    def test_to_what_is_no_address_of_a_calendar(self, inside: FeedServer, target: str, rule: type[Trouble]) -> None:
        inside.feeds["/redirect"] = answering(302, Location=target)
        with pytest.raises(rule):
            Web([ip_network("127.0.0.0/8")], resolve=names).ask("GET", inside.url("/redirect"))

    def test_in_circles(self, inside: FeedServer) -> None:
        inside.feeds["/circle"] = answering(302, Location="/circle")
        before = len(inside.asked)
        with pytest.raises(TooManyRedirects):
            Web([ip_network("127.0.0.0/8")]).ask("GET", inside.url("/circle"))
        assert len(inside.asked) == before + 4

    def test_three_are_followed(self, inside: FeedServer) -> None:
        for number, target in enumerate(("/1", "/2", "/secret.ics")):
            inside.feeds[f"/{number}"] = answering(302, Location=target)
        assert Web([ip_network("127.0.0.0/8")]).ask("GET", inside.url("/0")).status == 200

    def test_from_https_to_http(self) -> None:
        web = Web()
        with pytest.raises(DowngradedRedirect):
            web.redirected(web.url("https://public.example/"), "http://public.example/", None)


def test_only_allowed_networks_are_reached(inside: FeedServer) -> None:
    before = len(inside.asked)
    for networks in ([], [ip_network("10.0.0.0/8")], [ip_network("::/0")]):
        with pytest.raises(InsideAddress):
            Web(networks).ask("GET", inside.url("/secret.ics"))
    assert len(inside.asked) == before
    assert Web([ip_network("127.0.0.1/32")]).ask("GET", inside.url("/secret.ics")).status == 200


def test_a_proxy_of_the_environment_is_not_used(inside: FeedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, inside.url("/"))
    before = len(inside.asked)
    with suppress(NoConnection):
        Web(resolve=lambda *_: ["192.0.2.1"], allowed=[ip_network("192.0.2.1/32")], seconds=0.2).ask(
            "GET", "http://public.example/"
        )
    assert len(inside.asked) == before


def test_every_trouble_says_something() -> None:
    found = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, Trouble)]
    assert len(found) > 20
    assert all((one.__doc__ or "").endswith(".") for one in found)
