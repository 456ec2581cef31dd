"""Connecting the extension: what the page asks, and that its code is worth something once, soon, and to one."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from api.clock import now
from api.pages.settings.extension_pairing import challenge_of
from api.settings import OUR_EXTENSION
from store.credentials.pairings import CODE_VALID, KEY_VALID, Asked
from tests.api.pages.page_client import Visitor, text_of
from tests.api.pages.pairing import ID, agreed, code_of, exchanged, paired, question, verifier
from tests.api.refusals import ids, refused
from tests.api_driver import House

OTHER = "chrome-extension://" + "a" * 32


def count(house: House, table: str) -> int:
    """How many rows a table has."""
    [row] = house.oncelink.database.rows(f"SELECT count(*) AS rows FROM {{schema}}.{table}")
    return int(row["rows"])


class TestThePage:
    """`/settings/extension`."""

    def test_says_what_is_agreed_to(self, shared_house: House) -> None:
        answer = Visitor(shared_house, "member").get(question(challenge_of(verifier())))
        assert answer.status_code == 200
        assert "Connect the extension as Member?" in text_of(answer)

    def test_says_how_to_connect_where_nobody_asked(self, shared_house: House) -> None:
        assert "Open the extension" in text_of(Visitor(shared_house, "analyst").get("/settings/extension"))

    def test_comes_back_after_signing_in(self, shared_house: House) -> None:
        wanted = question(challenge_of(verifier()))
        answer = Visitor(shared_house).get(wanted)
        assert answer.headers["location"].startswith("/sign-in?next=/settings/extension%3Fextension%3D")

    def test_is_not_for_who_has_no_links(self, shared_house: House) -> None:
        for who in ("analyst", "auditor"):
            assert Visitor(shared_house, who).get(question(challenge_of(verifier()))).status_code == 403
            assert agreed(Visitor(shared_house, who), verifier()).status_code == 403

    @pytest.mark.parametrize("extension", ["a" * 32, "", ID.upper(), ID + "/", "zqx"])
    def test_refuses_an_unknown_extension(self, shared_house: House, extension: str) -> None:
        before = count(shared_house, "pairing_codes")
        assert Visitor(shared_house, "member").get(question(challenge_of(verifier()), extension)).status_code == 422
        assert agreed(Visitor(shared_house, "member"), verifier(), extension).status_code == 422
        assert count(shared_house, "pairing_codes") == before

    @pytest.mark.parametrize("challenge", ["", "short", "a" * 44, "a" * 42 + "+"])
    def test_refuses_what_is_no_challenge(self, shared_house: House, challenge: str) -> None:
        assert Visitor(shared_house, "member").get(question(challenge)).status_code == 422

    def test_shows_the_code_in_no_address(self, shared_house: House) -> None:
        answer = agreed(Visitor(shared_house, "member"), verifier())
        assert code_of(answer) not in str(answer.url)
        assert answer.headers["cache-control"] == "no-store"
        assert "location" not in answer.headers

    def test_keeps_no_code_that_works(self, shared_house: House) -> None:
        code = code_of(agreed(Visitor(shared_house, "member"), verifier()))
        rows = shared_house.oncelink.database.rows("SELECT * FROM {schema}.pairing_codes")
        assert rows
        assert code not in str(rows)

    def test_lists_what_is_connected_and_ends_it(self, shared_house: House) -> None:
        made = paired(shared_house, "engineer")
        visitor = Visitor(shared_house, "engineer")
        assert "Connected browsers" in text_of(visitor.get("/settings/extension"))
        assert visitor.post(f"/settings/keys/{made['id']}/revoke").status_code == 303
        assert "Connected browsers" not in text_of(visitor.get("/settings/extension"))
        refused(shared_house.send("GET", "/v1/me", who="engineer-extension"), 401, "unauthorized")


class TestTheCode:
    """`POST /extension/pair`."""

    def test_gives_a_key_of_its_person(self, shared_house: House) -> None:
        made = paired(shared_house, "member")
        assert made.keys() == {"id", "key", "expires_at", "person"}
        assert made["person"]["email"] == "member@nexora.example"
        assert shared_house.get("/v1/me", "member-extension")["id"] == shared_house.ids["member"]
        left = datetime.fromisoformat(made["expires_at"]) - now()
        assert KEY_VALID - timedelta(minutes=5) < left <= KEY_VALID
        assert made["id"] in ids(shared_house.get("/v1/api-keys?limit=200", "member")["items"])

    def test_works_once(self, shared_house: House) -> None:
        kept = verifier()
        code = code_of(agreed(Visitor(shared_house, "member"), kept))
        assert exchanged(shared_house, code, kept).status_code == 201
        refused(exchanged(shared_house, code, kept), 422, "invalid")

    def test_works_once_also_for_two_at_the_same_moment(self, shared_house: House) -> None:
        kept, together = verifier(), threading.Barrier(4)
        code = code_of(agreed(Visitor(shared_house, "member"), kept))
        before = count(shared_house, "api_keys")

        def bring() -> int:
            together.wait()
            return exchanged(shared_house, code, kept).status_code

        with ThreadPoolExecutor(4) as pool:
            statuses = sorted(one.result() for one in [pool.submit(bring) for _ in range(4)])
        assert statuses == [201, 422, 422, 422]
        assert count(shared_house, "api_keys") == before + 1

    def test_is_worth_nothing_without_the_verifier(self, shared_house: House) -> None:
        kept = verifier()
        code = code_of(agreed(Visitor(shared_house, "member"), kept))
        refused(exchanged(shared_house, code, verifier()), 422, "invalid")
        refused(exchanged(shared_house, code, challenge_of(kept)), 422, "invalid")
        assert exchanged(shared_house, code, kept).status_code == 201

    @pytest.mark.parametrize("origin", [OTHER, "null", "http://testserver", "", None])
    def test_is_worth_nothing_to_another_origin(self, shared_house: House, origin: str | None) -> None:
        kept = verifier()
        code = code_of(agreed(Visitor(shared_house, "member"), kept))
        refused(exchanged(shared_house, code, kept, origin), 403, "forbidden")

    def test_belongs_to_the_extension_that_asked(self, shared_house: House) -> None:
        kept = verifier()
        asked = Asked(OTHER, challenge_of(kept))
        code = shared_house.oncelink.pairings.approve(UUID(shared_house.ids["member"]), asked, now())
        refused(exchanged(shared_house, code, kept), 422, "invalid")

    def test_lasts_five_minutes(self, shared_house: House) -> None:
        pairings, kept = shared_house.oncelink.pairings, verifier()
        asked, person = Asked(OUR_EXTENSION, challenge_of(kept)), UUID(shared_house.ids["member"])
        code = pairings.approve(person, asked, now() - CODE_VALID - timedelta(seconds=1))
        refused(exchanged(shared_house, code, kept), 422, "invalid")
        code = pairings.approve(person, asked, now() - CODE_VALID + timedelta(minutes=1))
        assert exchanged(shared_house, code, kept).status_code == 201

    def test_is_worth_nothing_to_who_was_deactivated_since(self, shared_house: House) -> None:
        shared_house.hire("gone", ["member"])
        kept = verifier()
        code = code_of(agreed(Visitor(shared_house, "gone"), kept))
        shared_house.post(f"/v1/people/{shared_house.ids['gone']}/deactivate", None, "admin")
        refused(exchanged(shared_house, code, kept), 401, "unauthorized")
        shared_house.post(f"/v1/people/{shared_house.ids['gone']}/activate", None, "admin")
        question = (
            "SELECT name FROM {schema}.api_keys WHERE person_id = %s AND scope = 'extension' AND deleted_at IS NULL"
        )
        assert shared_house.oncelink.database.rows(question, (shared_house.ids["gone"],)) == []

    @pytest.mark.parametrize("body", [{}, {"code": "x", "verifier": "y"}, {"code": "a" * 43}, {"zqx": 1}, []])
    def test_refuses_what_is_none(self, shared_house: House, body: object) -> None:
        answer = shared_house.client.post("/extension/pair", json=body, headers={"Origin": OUR_EXTENSION})
        assert "zqx" not in refused(answer, 422, "invalid")["detail"] or body == {"zqx": 1}

    def test_what_has_expired_is_cleared_away(self, shared_house: House) -> None:
        pairings, old = shared_house.oncelink.pairings, now() - CODE_VALID - timedelta(days=1)
        pairings.approve(UUID(shared_house.ids["member"]), Asked(OUR_EXTENSION, "old"), old)
        paired(shared_house, "member")
        rows = shared_house.oncelink.database.rows("SELECT FROM {schema}.pairing_codes WHERE challenge = 'old'")
        assert rows == []


def test_a_key_ends_by_itself(shared_house: House) -> None:
    made = paired(shared_house, "manager")
    assert shared_house.get("/v1/me", "manager-extension")
    shared_house.oncelink.database.rows(
        "UPDATE {schema}.api_keys SET expires_at = clock_timestamp() WHERE id = %s RETURNING id", (made["id"],)
    )
    refused(shared_house.send("GET", "/v1/me", who="manager-extension"), 401, "unauthorized")
    assert made["id"] not in ids(shared_house.get("/v1/api-keys?limit=200", "manager")["items"])


def test_deactivating_a_person_ends_the_key(shared_house: House) -> None:
    shared_house.hire("leaver", ["member"])
    paired(shared_house, "leaver")
    shared_house.post(f"/v1/people/{shared_house.ids['leaver']}/deactivate", None, "admin")
    shared_house.post(f"/v1/people/{shared_house.ids['leaver']}/activate", None, "admin")
    refused(shared_house.send("GET", "/v1/me", who="leaver-extension"), 401, "unauthorized")
