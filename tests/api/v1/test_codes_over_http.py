"""Codes: one spelling, one purpose, and never written down."""

import base64
import logging
import string
from typing import Any

import psycopg
import pytest

from tests.api.refusals import refused
from tests.api_driver import GUEST, House, code_of

ALPHABET = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
BOOKING = {"start": "2030-01-01T09:00:00Z", "guest": GUEST}
QUERY = "from=2030-01-01&to=2030-01-02&time_zone=UTC"


@pytest.fixture(scope="module")
def codes(shared_house: House) -> dict[str, str]:
    """A code that books, a code that manages, and the slug of their link."""
    link = shared_house.link("Codes", slug="codes")
    used, unused = shared_house.codes(link, 2)
    made = shared_house.book(used, shared_house.slots(used)[0])
    return {"book": unused, "manage": code_of(made["manage_url"]), "slug": "codes", "used": used}


def unknown(answer: Any, expected: list[Any]) -> None:
    """The one answer to whatever does not exist: same body, same headers."""
    body = refused(answer, 404, "link_not_found")
    headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
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

    @pytest.mark.usefixtures("unmoved")
    def test_every_other_spelling_is_unknown(self, shared_house: House, codes: dict[str, str]) -> None:
        expected: list[Any] = []
        for code, routes in ((codes["book"], self.book_routes), (codes["manage"], self.manage_routes)):
            for variant in self.variants(code):
                for method, path, body in routes(variant):
                    unknown(shared_house.send(method, path, body), expected)

    def variants(self, code: str) -> list[str]:
        """Other spellings of a code, and codes that are nearly it."""
        place = ALPHABET.index(code[-1])
        trailing = [code[:-1] + ALPHABET[place ^ bits] for bits in (1, 2, 3)]
        changed = [code[:at] + ALPHABET[ALPHABET.index(code[at]) ^ 4] + code[at + 1 :] for at in range(0, 43, 7)]
        padded = [code + "=", code + "==", code + "%3D", code + "%0A", "%20" + code, code + "A", code[:-1], code[1:]]
        standard = [code.replace("-", "+").replace("_", "%2B"), code.replace("_", "%2B").replace("-", "~")]
        other = [code.swapcase(), code[::-1], code[:20] + "\u200b" + code[20:], "A" * 43, "-" * 43, "x", "0" * 44]
        slashed = [code + "%2F.", "..%2F..", code[:20] + "%2f" + code[20:]]
        return [one for one in (*trailing, *changed, *padded, *standard, *other, *slashed) if one != code]

    def book_routes(self, code: str) -> list[tuple[str, str, Any]]:
        return [
            ("GET", f"/v1/book/{code}", None),
            ("GET", f"/v1/book/{code}/slots?{QUERY}", None),
            ("POST", f"/v1/book/{code}", BOOKING),
        ]

    def manage_routes(self, code: str) -> list[tuple[str, str, Any]]:
        return [
            ("GET", f"/v1/manage/{code}", None),
            ("GET", f"/v1/manage/{code}/slots?{QUERY}", None),
            ("POST", f"/v1/manage/{code}/reschedule", {"start": BOOKING["start"]}),
            ("POST", f"/v1/manage/{code}/cancel", None),
        ]

    @pytest.mark.usefixtures("unmoved")
    def test_one_purpose(self, shared_house: House, codes: dict[str, str]) -> None:
        expected: list[Any] = []
        for method, path, body in self.book_routes(codes["manage"]):
            unknown(shared_house.send(method, path, body), expected)
        for name in ("book", "used", "slug"):
            for method, path, body in self.manage_routes(codes[name]):
                unknown(shared_house.send(method, path, body), expected)

    @pytest.mark.usefixtures("unmoved")
    def test_ids_are_no_codes(self, shared_house: House, codes: dict[str, str]) -> None:
        booking = shared_house.get(f"/v1/manage/{codes['manage']}")["booking"]["id"]
        expected: list[Any] = []
        for id in (booking, booking.replace("-", ""), shared_house.ids["member"]):
            for method, path, body in (*self.book_routes(id), *self.manage_routes(id)):
                unknown(shared_house.send(method, path, body), expected)


class TestNeverWrittenDown:
    """The database and the log lines hold no code that works."""

    def test_no_code_in_any_log_line(
        self, shared_house: House, codes: dict[str, str], caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.INFO):
            routes = TestOneSpelling()
            for name, code in codes.items():
                found = routes.manage_routes(code)[:2] if name == "manage" else routes.book_routes(code)
                for method, path, body in found:
                    shared_house.send(method, path, body)
                    shared_house.send(method, path + "/nothing", body)
                    shared_house.send("PUT", path, body)
        lines = [record for record in caplog.records if record.name == "oncelink"]
        assert len(lines) > 20
        told = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in lines)
        assert [name for name in ("book", "manage", "used") if codes[name] in told] == []

    def test_no_code_and_no_key_in_any_table(
        self, shared_house: House, codes: dict[str, str], superuser_url: str
    ) -> None:
        made = shared_house.post("/v1/api-keys", {"name": "searched for"}, "member", 201)
        shared_house.log()
        secrets = [codes["book"], codes["manage"], codes["used"], made["key"], shared_house.keys["admin"]]
        raw = [base64.urlsafe_b64decode(code + "=").hex() for code in secrets[:3]]
        schema = shared_house.oncelink.database.schema
        with psycopg.connect(superuser_url) as connection:
            tables = connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = %s",
                (schema,),
            ).fetchall()
            assert len(tables) > 10
            whole = "\n".join(
                str(row[0])
                for (table,) in tables
                for row in connection.execute(f"SELECT t::text FROM {schema}.{table} AS t").fetchall()
            )
        assert shared_house.ids["member"] in whole
        for secret in (*secrets, *raw):
            assert secret not in whole
            assert secret.removeprefix("olk_") not in whole
