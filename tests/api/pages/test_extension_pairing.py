"""Connecting the extension: what the page asks, and that its code is worth something once, soon, and to one."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from api.clock import read_clock
from api.pages.settings.extension_pairing import derive_challenge
from api.settings import OUR_EXTENSION
from store.credentials.pairings import CODE_LIFETIME, KEY_LIFETIME, PairingRequest
from tests.api.pages.page_client import PageClient, extract_text
from tests.api.pages.pairing import (
    ID,
    agree_to_pairing,
    build_consent_path,
    exchange_code,
    extract_pairing_code,
    generate_verifier,
    pair_extension,
)
from tests.api.refusals import assert_problem, get_ids
from tests.api_driver import ApiDriver

OTHER = "chrome-extension://" + "a" * 32


def count_rows(api: ApiDriver, table: str) -> int:
    """How many rows a table has."""
    [row] = api.services.database.fetch_rows(f"SELECT count(*) AS rows FROM {{schema}}.{table}")
    return int(row["rows"])


class TestThePage:
    """`/settings/extension`."""

    def test_says_what_is_agreed_to(self, shared_api: ApiDriver) -> None:
        response = PageClient(shared_api, "member").get(build_consent_path(derive_challenge(generate_verifier())))
        assert response.status_code == 200
        assert "Connect the extension as Member?" in extract_text(response)

    def test_says_how_to_connect_where_nobody_asked(self, shared_api: ApiDriver) -> None:
        assert "Open the extension" in extract_text(PageClient(shared_api, "analyst").get("/settings/extension"))

    def test_comes_back_after_signing_in(self, shared_api: ApiDriver) -> None:
        consent_path = build_consent_path(derive_challenge(generate_verifier()))
        response = PageClient(shared_api).get(consent_path)
        assert response.headers["location"].startswith("/sign-in?next=/settings/extension%3Fextension%3D")

    def test_is_not_for_who_has_no_links(self, shared_api: ApiDriver) -> None:
        for who in ("analyst", "auditor"):
            assert (
                PageClient(shared_api, who).get(build_consent_path(derive_challenge(generate_verifier()))).status_code
                == 403
            )
            assert agree_to_pairing(PageClient(shared_api, who), generate_verifier()).status_code == 403

    @pytest.mark.parametrize("extension", ["a" * 32, "", ID.upper(), ID + "/", "zqx"])
    def test_refuses_an_unknown_extension(self, shared_api: ApiDriver, extension: str) -> None:
        count_before = count_rows(shared_api, "pairing_codes")
        assert (
            PageClient(shared_api, "member")
            .get(build_consent_path(derive_challenge(generate_verifier()), extension))
            .status_code
            == 422
        )
        assert agree_to_pairing(PageClient(shared_api, "member"), generate_verifier(), extension).status_code == 422
        assert count_rows(shared_api, "pairing_codes") == count_before

    @pytest.mark.parametrize("challenge", ["", "short", "a" * 44, "a" * 42 + "+"])
    def test_refuses_what_is_no_challenge(self, shared_api: ApiDriver, challenge: str) -> None:
        assert PageClient(shared_api, "member").get(build_consent_path(challenge)).status_code == 422

    def test_shows_the_code_in_no_address(self, shared_api: ApiDriver) -> None:
        response = agree_to_pairing(PageClient(shared_api, "member"), generate_verifier())
        assert extract_pairing_code(response) not in str(response.url)
        assert response.headers["cache-control"] == "no-store"
        assert "location" not in response.headers

    def test_keeps_no_code_that_works(self, shared_api: ApiDriver) -> None:
        code = extract_pairing_code(agree_to_pairing(PageClient(shared_api, "member"), generate_verifier()))
        rows = shared_api.services.database.fetch_rows("SELECT * FROM {schema}.pairing_codes")
        assert rows
        assert code not in str(rows)

    def test_lists_what_is_connected_and_ends_it(self, shared_api: ApiDriver) -> None:
        pairing = pair_extension(shared_api, "engineer")
        page_client = PageClient(shared_api, "engineer")
        assert "Connected browsers" in extract_text(page_client.get("/settings/extension"))
        assert page_client.post(f"/settings/keys/{pairing['id']}/revoke").status_code == 303
        assert "Connected browsers" not in extract_text(page_client.get("/settings/extension"))
        assert_problem(shared_api.send_request("GET", "/v1/me", who="engineer-extension"), 401, "unauthorized")


class TestTheCode:
    """`POST /extension/pair`."""

    def test_gives_a_key_of_its_person(self, shared_api: ApiDriver) -> None:
        pairing = pair_extension(shared_api, "member")
        assert pairing.keys() == {"id", "key", "expires_at", "person"}
        assert pairing["person"]["email"] == "member@nexora.example"
        assert shared_api.get("/v1/me", "member-extension")["id"] == shared_api.ids["member"]
        remaining_time = datetime.fromisoformat(pairing["expires_at"]) - read_clock()
        assert KEY_LIFETIME - timedelta(minutes=5) < remaining_time <= KEY_LIFETIME
        assert pairing["id"] in get_ids(shared_api.get("/v1/api-keys?limit=200", "member")["items"])

    def test_works_once(self, shared_api: ApiDriver) -> None:
        verifier_secret = generate_verifier()
        code = extract_pairing_code(agree_to_pairing(PageClient(shared_api, "member"), verifier_secret))
        assert exchange_code(shared_api, code, verifier_secret).status_code == 201
        assert_problem(exchange_code(shared_api, code, verifier_secret), 422, "invalid")

    def test_works_once_also_for_two_at_the_same_moment(self, shared_api: ApiDriver) -> None:
        verifier_secret, start_barrier = generate_verifier(), threading.Barrier(4)
        code = extract_pairing_code(agree_to_pairing(PageClient(shared_api, "member"), verifier_secret))
        count_before = count_rows(shared_api, "api_keys")

        def exchange_at_once() -> int:
            start_barrier.wait()
            return exchange_code(shared_api, code, verifier_secret).status_code

        with ThreadPoolExecutor(4) as pool:
            statuses = sorted(future.result() for future in [pool.submit(exchange_at_once) for _ in range(4)])
        assert statuses == [201, 422, 422, 422]
        assert count_rows(shared_api, "api_keys") == count_before + 1

    def test_is_worth_nothing_without_the_verifier(self, shared_api: ApiDriver) -> None:
        verifier_secret = generate_verifier()
        code = extract_pairing_code(agree_to_pairing(PageClient(shared_api, "member"), verifier_secret))
        assert_problem(exchange_code(shared_api, code, generate_verifier()), 422, "invalid")
        assert_problem(exchange_code(shared_api, code, derive_challenge(verifier_secret)), 422, "invalid")
        assert exchange_code(shared_api, code, verifier_secret).status_code == 201

    @pytest.mark.parametrize("origin", [OTHER, "null", "http://testserver", "", None])
    def test_is_worth_nothing_to_another_origin(self, shared_api: ApiDriver, origin: str | None) -> None:
        verifier_secret = generate_verifier()
        code = extract_pairing_code(agree_to_pairing(PageClient(shared_api, "member"), verifier_secret))
        assert_problem(exchange_code(shared_api, code, verifier_secret, origin), 403, "forbidden")

    def test_belongs_to_the_extension_that_asked(self, shared_api: ApiDriver) -> None:
        verifier_secret = generate_verifier()
        pairing_request = PairingRequest(OTHER, derive_challenge(verifier_secret))
        code = shared_api.services.pairings.approve_pairing(
            UUID(shared_api.ids["member"]), pairing_request, read_clock()
        )
        assert_problem(exchange_code(shared_api, code, verifier_secret), 422, "invalid")

    def test_lasts_five_minutes(self, shared_api: ApiDriver) -> None:
        pairings, verifier_secret = shared_api.services.pairings, generate_verifier()
        pairing_request, person = (
            PairingRequest(OUR_EXTENSION, derive_challenge(verifier_secret)),
            UUID(shared_api.ids["member"]),
        )
        code = pairings.approve_pairing(person, pairing_request, read_clock() - CODE_LIFETIME - timedelta(seconds=1))
        assert_problem(exchange_code(shared_api, code, verifier_secret), 422, "invalid")
        code = pairings.approve_pairing(person, pairing_request, read_clock() - CODE_LIFETIME + timedelta(minutes=1))
        assert exchange_code(shared_api, code, verifier_secret).status_code == 201

    def test_is_worth_nothing_to_who_was_deactivated_since(self, shared_api: ApiDriver) -> None:
        shared_api.add_person("gone", ["member"])
        verifier_secret = generate_verifier()
        code = extract_pairing_code(agree_to_pairing(PageClient(shared_api, "gone"), verifier_secret))
        shared_api.post(f"/v1/people/{shared_api.ids['gone']}/deactivate", None, "admin")
        assert_problem(exchange_code(shared_api, code, verifier_secret), 401, "unauthorized")
        shared_api.post(f"/v1/people/{shared_api.ids['gone']}/activate", None, "admin")
        query = "SELECT name FROM {schema}.api_keys WHERE person_id = %s AND scope = 'extension' AND deleted_at IS NULL"
        assert shared_api.services.database.fetch_rows(query, (shared_api.ids["gone"],)) == []

    @pytest.mark.parametrize("body", [{}, {"code": "x", "verifier": "y"}, {"code": "a" * 43}, {"zqx": 1}, []])
    def test_refuses_what_is_none(self, shared_api: ApiDriver, body: object) -> None:
        response = shared_api.client.post("/extension/pair", json=body, headers={"Origin": OUR_EXTENSION})
        assert "zqx" not in assert_problem(response, 422, "invalid")["detail"] or body == {"zqx": 1}

    def test_what_has_expired_is_cleared_away(self, shared_api: ApiDriver) -> None:
        pairings, expired_time = shared_api.services.pairings, read_clock() - CODE_LIFETIME - timedelta(days=1)
        pairings.approve_pairing(UUID(shared_api.ids["member"]), PairingRequest(OUR_EXTENSION, "old"), expired_time)
        pair_extension(shared_api, "member")
        rows = shared_api.services.database.fetch_rows("SELECT FROM {schema}.pairing_codes WHERE challenge = 'old'")
        assert rows == []


def test_a_key_ends_by_itself(shared_api: ApiDriver) -> None:
    pairing = pair_extension(shared_api, "manager")
    assert shared_api.get("/v1/me", "manager-extension")
    shared_api.services.database.fetch_rows(
        "UPDATE {schema}.api_keys SET expires_at = clock_timestamp() WHERE id = %s RETURNING id", (pairing["id"],)
    )
    assert_problem(shared_api.send_request("GET", "/v1/me", who="manager-extension"), 401, "unauthorized")
    assert pairing["id"] not in get_ids(shared_api.get("/v1/api-keys?limit=200", "manager")["items"])


def test_deactivating_a_person_ends_the_key(shared_api: ApiDriver) -> None:
    shared_api.add_person("leaver", ["member"])
    pair_extension(shared_api, "leaver")
    shared_api.post(f"/v1/people/{shared_api.ids['leaver']}/deactivate", None, "admin")
    shared_api.post(f"/v1/people/{shared_api.ids['leaver']}/activate", None, "admin")
    assert_problem(shared_api.send_request("GET", "/v1/me", who="leaver-extension"), 401, "unauthorized")
