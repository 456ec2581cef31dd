"""`/metrics` and the reasons of `/readyz` are for a token or a private address; nobody else learns them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.settings import WrongSetting, read_settings
from tests.api.refusals import assert_problem
from tests.api_driver import ApiDriver

TOKEN = "t0ken-of-the-operators-t0ken-of-the-operators"
PUBLIC, PRIVATE, PROXY = "203.0.113.9", "10.1.2.3", "127.0.0.1"

Ask = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def ask(shared_api: ApiDriver) -> Iterator[Ask]:
    """Ask for /metrics and /readyz from an address; returns the status of one and the body of the other."""
    state = shared_api.client.app.state  # type: ignore[attr-defined]
    services = state.services
    state.services = replace(services, settings=services.settings.model_copy(update={"metrics_token": TOKEN}))

    def send_from(address: str, **headers: str) -> tuple[int, dict[str, Any]]:
        client = TestClient(shared_api.client.app, client=(address, 50000))
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        metrics = client.get("/metrics", headers=sent)
        if metrics.status_code != 200:
            assert_problem(metrics, 403, "forbidden")
        return metrics.status_code, client.get("/readyz", headers=sent).json()

    yield send_from
    state.services = services


@pytest.mark.parametrize("address", [PRIVATE, PROXY, "::1", "::ffff:10.0.0.1", "fd00::5", "172.18.0.1", "192.168.7.7"])
def test_a_private_address_reads_them(ask: Ask, address: str) -> None:
    status, readiness = ask(address)
    assert status == 200
    assert readiness["reasons"] == []


@pytest.mark.parametrize("address", [PUBLIC, "172.32.0.1", "2001:db8::1", "::ffff:203.0.113.9"])
def test_a_public_address_needs_the_token(ask: Ask, address: str) -> None:
    assert ask(address) == (403, {"status": "ok"})
    assert ask(address, Authorization="Bearer wrong") == (403, {"status": "ok"})
    assert ask(address, Authorization=f"Basic {TOKEN}") == (403, {"status": "ok"})
    assert ask(address, Authorization=f"bearer {TOKEN}") == (200, {"status": "ok", "reasons": []})


def test_a_trusted_proxy_names_the_client(ask: Ask) -> None:
    assert ask(PROXY, X_Forwarded_For=PUBLIC)[0] == 403
    assert ask(PROXY, X_Forwarded_For=f"{PRIVATE}, {PUBLIC}")[0] == 403  # what the client itself has sent
    assert ask(PROXY, X_Forwarded_For="unknown")[0] == 403
    assert ask(PROXY, X_Forwarded_For=PRIVATE)[0] == 200
    assert ask(PROXY, X_Forwarded_Proto="https")[0] == 403  # a proxy that hides who is behind it
    assert ask(PROXY, X_Forwarded_For=PUBLIC, Authorization=f"Bearer {TOKEN}")[0] == 200


@pytest.mark.parametrize("header", ["X_Forwarded_For", "Forwarded", "X_Real_Ip", "Via"])
def test_what_nobody_trusted_forwards_counts_for_nothing(ask: Ask, header: str) -> None:
    assert ask(PUBLIC, **{header: PRIVATE})[0] == 403
    assert ask(PRIVATE, **{header: PRIVATE})[0] == 403  # a proxy, so its own address is not the client's


def test_without_networks_and_token_nobody_reads_them(ask: Ask, shared_api: ApiDriver) -> None:
    state = shared_api.client.app.state  # type: ignore[attr-defined]
    settings = state.services.settings.model_copy(update={"metrics_token": "", "metrics_networks": ""})
    state.services = replace(state.services, settings=settings)
    assert ask(PROXY) == (403, {"status": "ok"})
    assert ask(PROXY, Authorization="Bearer ")[0] == 403


@pytest.mark.parametrize("token", ["short", "é" * 40, "with space " * 5])
def test_a_token_must_be_long_and_fit_a_header(token: str) -> None:
    with pytest.raises(WrongSetting, match=r"^ONCELINK_METRICS_TOKEN: must have at least 32"):
        read_settings(metrics_token=token)
