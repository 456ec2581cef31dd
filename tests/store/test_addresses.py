"""Addresses are compared alike by the program and in SQL, and those that are stored already are found too."""

import unicodedata
from pathlib import Path
from uuid import UUID

import psycopg

from api.server import DATABASE
from domain.email_addresses import fold_address
from store.database import Database
from store.embedded.server import Server
from tests.api.refusals import fetch_list
from tests.api_driver import GUEST, ApiDriver

MIGRATION = Path("store/migrations/0029_addresses.sql").read_text(encoding="utf-8")
FOLDING = Path("store/migrations/0031_text_folding.sql").read_text(encoding="utf-8")
COMPARE = "SELECT text, {schema}.address_key(text) AS key FROM unnest(%s::text[]) AS text"


def test_sql_folds_as_the_program_does(database: Database) -> None:
    """Every letter, digit and sign that both know."""
    texts = [chr(code) for code in range(0x21, 0x1FFFF) if unicodedata.category(chr(code))[0] in "LNMPS"]
    texts += ["JOSÉ@BÜCHER.example", "jose\u0301@x.example", "Ａ＠x.example", "ΟΔΟΣ@x.example", "faß@fass.example"]
    rows = database.fetch_rows(COMPARE, (texts,))
    assert [row for row in rows if row["key"] != fold_address(row["text"])] == []
    assert len(rows) > 70_000


def test_claims_of_the_version_before_are_brought_over(server: Server, schema: str, api: ApiDriver) -> None:
    services = api.services
    ids = {email: add_person(api, email) for email in ("a@faß.example", "ΟΔΟΣ@x.example", "plain@x.example")}
    with psycopg.connect(server.build_url(database=DATABASE), autocommit=True) as connection:
        for email, id in ids.items():
            claim = (email.casefold(), id)
            connection.execute(f"UPDATE {schema}.claims SET value = %s WHERE stream_id = %s AND kind = 'email'", claim)
        update = MIGRATION[MIGRATION.index("UPDATE {schema}.claims") :].format(schema=schema)
        connection.execute(update)  # type: ignore[call-overload]
    for email, id in ids.items():
        assert services.reader.find_claims("email", [fold_address(email)]) == {fold_address(email): id}
    assert add_person(api, "a@fass.example")  # another domain, another person


def test_words_of_the_version_before_are_made_anew(server: Server, schema: str, api: ApiDriver) -> None:
    api.create_link("Words", slug="words")
    body = {"start": api.list_slots("words")[0], "guest": GUEST | {"name": "Renée Ålund"}}
    api.post("/v1/book/words", body, None, 201)
    fetch_list(api, "/v1/meeting-log", "manager")
    before = f"UPDATE {schema}.personal_details SET words = to_tsvector('simple', 'Renée Ålund')"
    text = FOLDING[FOLDING.index("UPDATE {schema}.personal_details") :]
    found_counts = []
    with psycopg.connect(server.build_url(database=DATABASE), autocommit=True) as connection:
        for statement in (before, text.replace("{schema}", schema)):
            connection.execute(statement)  # type: ignore[call-overload]
            found_counts.append(len(api.get("/v1/meeting-log?q=RENEE+alund", "manager")["items"]))
    assert found_counts == [0, 1]


def add_person(api: ApiDriver, email: str) -> UUID:
    """Add a person with an address."""
    body = {"name": "Somebody", "email": email, "time_zone": "UTC"}
    return UUID(api.post("/v1/people", body, "admin", 201)["id"])
