"""Headers of requests: what is wrong is refused, whatever the route, and the log does not move."""

from typing import Any

import pytest

from tests.api.attacks import OPERATIONS, body_of
from tests.api.refusals import refused
from tests.api_driver import House

GARBAGE_KEYS = [
    "",
    "Bearer",
    "Bearer ",
    "Bearer x",
    "Bearer olk_",
    "Bearer olk_" + "a" * 43,
    "Basic YTpi",
    "olk_x",
    "Bearer " + "olk_" * 5_000,
    "Bearer olk_\xff",
    "Digest a=b",
]


@pytest.mark.usefixtures("unmoved")
class TestHeaders:
    """If-Match, Oncelink-Min-Position, Idempotency-Key, Authorization, Accept."""

    @pytest.mark.parametrize(
        "value", ["3", "zqx", '""', '"x"', '"-1"', '"1.5"', '"' + "9" * 5_000 + '"', "\xff", '"1", "2"']
    )
    def test_if_match(self, shared_house: House, paths: dict[str, str], value: str) -> None:
        for path, method, operation in OPERATIONS:
            if takes(operation, "If-Match"):
                headers = shared_house.headers("admin") | {"If-Match": value.encode("latin-1")}
                body = None if method == "delete" else {}
                answer = shared_house.client.request(method, paths[path], json=body, headers=headers)
                assert refused(answer, 422, "invalid")["errors"][0]["field"] == "If-Match"

    @pytest.mark.parametrize("value", ["", "-1", "zqx", "1.5", "9" * 19, "9" * 5_000, "\xb2", "0x10", "1 2"])
    def test_min_position(self, shared_house: House, paths: dict[str, str], value: str) -> None:
        for path, method, operation in OPERATIONS:
            if takes(operation, "Oncelink-Min-Position"):
                headers = shared_house.headers("admin") | {"Oncelink-Min-Position": value.encode("latin-1")}
                answer = shared_house.client.request(method, paths[path], headers=headers)
                assert refused(answer, 422, "invalid")["errors"][0]["field"] == "Oncelink-Min-Position"

    @pytest.mark.parametrize("value", ["", "a b", "\xe9", "a" * 256, "a\tb", "\x7f"])
    def test_idempotency_key(self, shared_house: House, paths: dict[str, str], value: str) -> None:
        found = 0
        for path, method, operation in OPERATIONS:
            if takes(operation, "Idempotency-Key"):
                found += 1
                headers = shared_house.headers("admin") | {"Idempotency-Key": value.encode("latin-1")}
                answer = shared_house.client.request(method, paths[path], json=body_of(operation), headers=headers)
                assert "Idempotency-Key" in [error["field"] for error in refused(answer, 422, "invalid")["errors"]]
        assert found == sum(1 for _, _, one in OPERATIONS if "201" in one["responses"])

    @pytest.mark.parametrize("value", GARBAGE_KEYS)
    def test_authorization(self, shared_house: House, paths: dict[str, str], value: str) -> None:
        found = 0
        for path, method, operation in OPERATIONS:
            if "security" in operation:
                found += 1
                headers = {"Authorization": value.encode("latin-1"), "Oncelink-Min-Position": "9" * 18}
                answer = shared_house.client.request(method, paths[path], json=body_of(operation), headers=headers)
                refused(answer, 401, "unauthorized")
                assert answer.headers["www-authenticate"] == "Bearer"
        assert found > 30

    @pytest.mark.parametrize("value", ["", "zqx", "*/*;q=zqx", "text/html", "\xff", "application/xml", "," * 1_000])
    def test_accept(self, shared_house: House, value: str) -> None:
        headers = shared_house.headers("admin") | {"Accept": value.encode("latin-1")}
        answer = shared_house.client.get("/v1/meeting-log", headers=headers)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"


def takes(operation: Any, header: str) -> bool:
    """Whether an operation documents a request header."""
    return any(one["name"] == header for one in operation.get("parameters", []))
