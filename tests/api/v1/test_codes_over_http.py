"""Codes: one spelling, one purpose, and never written down."""

import base64
import logging
import string
from typing import Any

import psycopg
import pytest

from tests.api.refusals import assert_problem
from tests.api_driver import GUEST, ApiDriver, extract_code

ALPHABET = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
BOOKING = {"start": "2030-01-01T09:00:00Z", "guest": GUEST}
QUERY = "from=2030-01-01&to=2030-01-02&time_zone=UTC"


@pytest.fixture(scope="module")
def codes(shared_api: ApiDriver) -> dict[str, str]:
    """A code that books, a code that manages, and the slug of their link."""
    link = shared_api.create_link("Codes", slug="codes")
    booked_code, unused_code = shared_api.create_codes(link, 2)
    booking = shared_api.book_meeting(booked_code, shared_api.list_slots(booked_code)[0])
    return {"book": unused_code, "manage": extract_code(booking["manage_url"]), "slug": "codes", "used": booked_code}


def assert_unknown(response: Any, expected: list[Any]) -> None:
    """Assert that all responses are the same refusal: same body, same headers."""
    body = assert_problem(response, 404, "link_not_found")
    headers = {name: value for name, value in response.headers.items() if name != "x-request-id"}
    if not expected:
        expected.append((body, headers))
    assert (body, headers) == expected[0]


class TestOneSpelling:
    """Base64 is lenient; codes are not."""

    def test_a_code_looks_like_nothing_else(self, codes: dict[str, str]) -> None:
        for name in ("book", "manage", "used"):
            assert len(codes[name]) == 43
            assert set(codes[name]) <= set(ALPHABET)
            assert len(base64.urlsafe_b64decode(codes[name] + "=")) == 32

    @pytest.mark.usefixtures("unchanged_log")
    def test_every_other_spelling_is_unknown(self, shared_api: ApiDriver, codes: dict[str, str]) -> None:
        expected: list[Any] = []
        for code, routes in ((codes["book"], self.list_book_routes), (codes["manage"], self.list_manage_routes)):
            for variant in self.list_variants(code):
                for method, path, body in routes(variant):
                    assert_unknown(shared_api.send_request(method, path, body), expected)

    def list_variants(self, code: str) -> list[str]:
        """Other spellings of a code, and codes that are nearly it."""
        place = ALPHABET.index(code[-1])
        trailing = [code[:-1] + ALPHABET[place ^ bits] for bits in (1, 2, 3)]
        changed_variants = [
            code[:at] + ALPHABET[ALPHABET.index(code[at]) ^ 4] + code[at + 1 :] for at in range(0, 43, 7)
        ]
        padded = [code + "=", code + "==", code + "%3D", code + "%0A", "%20" + code, code + "A", code[:-1], code[1:]]
        standard = [code.replace("-", "+").replace("_", "%2B"), code.replace("_", "%2B").replace("-", "~")]
        other_variants = [
            code.swapcase(),
            code[::-1],
            code[:20] + "\u200b" + code[20:],
            "A" * 43,
            "-" * 43,
            "x",
            "0" * 44,
        ]
        slashed = [code + "%2F.", "..%2F..", code[:20] + "%2f" + code[20:]]
        return [
            variant
            for variant in (*trailing, *changed_variants, *padded, *standard, *other_variants, *slashed)
            if variant != code
        ]

    def list_book_routes(self, code: str) -> list[tuple[str, str, Any]]:
        return [
            ("GET", f"/v1/book/{code}", None),
            ("GET", f"/v1/book/{code}/slots?{QUERY}", None),
            ("POST", f"/v1/book/{code}", BOOKING),
        ]

    def list_manage_routes(self, code: str) -> list[tuple[str, str, Any]]:
        return [
            ("GET", f"/v1/manage/{code}", None),
            ("GET", f"/v1/manage/{code}/slots?{QUERY}", None),
            ("POST", f"/v1/manage/{code}/reschedule", {"start": BOOKING["start"]}),
            ("POST", f"/v1/manage/{code}/cancel", None),
        ]

    @pytest.mark.usefixtures("unchanged_log")
    def test_one_purpose(self, shared_api: ApiDriver, codes: dict[str, str]) -> None:
        expected: list[Any] = []
        for method, path, body in self.list_book_routes(codes["manage"]):
            assert_unknown(shared_api.send_request(method, path, body), expected)
        for name in ("book", "used", "slug"):
            for method, path, body in self.list_manage_routes(codes[name]):
                assert_unknown(shared_api.send_request(method, path, body), expected)

    @pytest.mark.usefixtures("unchanged_log")
    def test_ids_are_no_codes(self, shared_api: ApiDriver, codes: dict[str, str]) -> None:
        booking = shared_api.get(f"/v1/manage/{codes['manage']}")["booking"]["id"]
        expected: list[Any] = []
        for id in (booking, booking.replace("-", ""), shared_api.ids["member"]):
            for method, path, body in (*self.list_book_routes(id), *self.list_manage_routes(id)):
                assert_unknown(shared_api.send_request(method, path, body), expected)


class TestNeverWrittenDown:
    """The database and the log lines hold no code that works."""

    def test_no_code_in_any_log_line(
        self, shared_api: ApiDriver, codes: dict[str, str], caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.INFO):
            routes = TestOneSpelling()
            for name, code in codes.items():
                routes_to_try = (
                    routes.list_manage_routes(code)[:2] if name == "manage" else routes.list_book_routes(code)
                )
                for method, path, body in routes_to_try:
                    shared_api.send_request(method, path, body)
                    shared_api.send_request(method, path + "/nothing", body)
                    shared_api.send_request("PUT", path, body)
        lines = [record for record in caplog.records if record.name == "oncelink"]
        assert len(lines) > 20
        log_text = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in lines)
        assert [name for name in ("book", "manage", "used") if codes[name] in log_text] == []

    def test_no_code_and_no_key_in_any_table(
        self, shared_api: ApiDriver, codes: dict[str, str], superuser_url: str
    ) -> None:
        api_key = shared_api.post("/v1/api-keys", {"name": "searched for"}, "member", 201)
        shared_api.list_meetings()
        secrets = [codes["book"], codes["manage"], codes["used"], api_key["key"], shared_api.keys["admin"]]
        hex_secrets = [base64.urlsafe_b64decode(code + "=").hex() for code in secrets[:3]]
        schema = shared_api.services.database.schema
        with psycopg.connect(superuser_url) as connection:
            tables = connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = %s",
                (schema,),
            ).fetchall()
            assert len(tables) > 10
            database_text = "\n".join(
                str(row[0])
                for (table,) in tables
                for row in connection.execute(f"SELECT t::text FROM {schema}.{table} AS t").fetchall()
            )
        assert shared_api.ids["member"] in database_text
        for secret in (*secrets, *hex_secrets):
            assert secret not in database_text
            assert secret.removeprefix("olk_") not in database_text
