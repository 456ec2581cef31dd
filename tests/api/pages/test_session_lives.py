"""What ends a session, a sign-in link or a pairing code early: signing in, idleness, leaving, a new address."""

from datetime import timedelta
from uuid import UUID

import pytest

from api.clock import read_clock
from api.http.dependencies import SESSION_COOKIE
from store.credentials.sessions import Sessions
from tests.api.pages.page_client import OWN_ORIGIN, PageClient, create_sign_in_path
from tests.api.pages.pairing import agree_to_pairing, exchange_code, extract_pairing_code, generate_verifier
from tests.api_driver import ApiDriver


@pytest.fixture
def api(shared_api: ApiDriver) -> ApiDriver:
    """The one of all: each test has a person of its own."""
    shared_api.add_person("leaver", ["member"]) if "leaver" not in shared_api.ids else None
    return shared_api


def set_email(api: ApiDriver, who: str, email: str) -> None:
    """Give a person another address."""
    api.patch(f"/v1/people/{api.ids[who]}", {"email": email}, "admin")


class TestSigningIn:
    """A browser has one session."""

    @pytest.mark.parametrize("next_person", ["member", "manager"])
    def test_ends_the_session_before_it(self, api: ApiDriver, next_person: str) -> None:
        page_client, elsewhere = PageClient(api, "member"), PageClient(api, "member")
        before = page_client.session_secret
        page_client.sign_in(next_person)
        assert page_client.session_secret != before
        assert page_client.is_signed_in()
        page_client.client.cookies.clear()
        page_client.client.cookies.set(SESSION_COOKIE, before or "")
        assert not page_client.is_signed_in()
        assert elsewhere.is_signed_in()

    def test_that_fails_ends_nothing(self, api: ApiDriver) -> None:
        page_client = PageClient(api, "member")
        assert page_client.post(f"/sign-in/{'a' * 43}").status_code == 410
        assert page_client.is_signed_in()


class TestIdleness:
    """A session that nobody uses is over after the idle limit."""

    def test_ends_it(self, api: ApiDriver) -> None:
        sessions, now = Sessions(api.services.database, timedelta(hours=8)), read_clock()
        code = api.services.api_keys.create_sign_in_code(UUID(api.ids["member"]), now)
        secret = sessions.begin_session(code, now)
        assert secret
        for hours in (7, 14, 21):
            assert sessions.find_holder(secret, now + timedelta(hours=hours))
        assert sessions.find_holder(secret, now + timedelta(hours=29, seconds=1)) is None
        sessions.delete_expired(now + timedelta(hours=29, seconds=1))
        assert sessions.find_holder(secret, now + timedelta(hours=21)) is None

    def test_is_a_setting_and_reading_rarely_writes(self, api: ApiDriver, monkeypatch: pytest.MonkeyPatch) -> None:
        assert api.services.sessions.idle_limit == timedelta(hours=api.services.settings.session_idle_hours)
        page_client, statements = PageClient(api, "member"), []
        database = api.services.database
        fetch_rows = database.fetch_rows
        monkeypatch.setattr(
            type(database),
            "fetch_rows",
            lambda _, query, *rest, **more: statements.append(query) or fetch_rows(query, *rest, **more),
        )
        assert page_client.is_signed_in()
        assert [query for query in statements if "UPDATE {schema}.sessions" in query] == []


class TestMailedLinks:
    """A link that was mailed is worth nothing once its address is not the person's any more, or they left."""

    def test_die_with_the_address(self, api: ApiDriver) -> None:
        path = create_sign_in_path(api, "leaver")
        set_email(api, "leaver", "new-address@nexora.example")
        for _ in range(2):
            assert PageClient(api).get(path).status_code == 410
            assert PageClient(api).post(path).status_code == 410
            set_email(api, "leaver", "leaver@nexora.example")  # as it was: the link stays dead
        assert PageClient(api).post(create_sign_in_path(api, "leaver")).status_code == 303

    def test_live_while_the_address_does(self, api: ApiDriver) -> None:
        path = create_sign_in_path(api, "leaver")
        api.patch(f"/v1/people/{api.ids['leaver']}", {"name": "Leah Leaver"}, "admin")
        assert PageClient(api).post(path).status_code == 303

    def test_die_with_a_deactivation(self, api: ApiDriver) -> None:
        path = create_sign_in_path(api, "leaver")
        for action in ("deactivate", "activate"):
            api.post(f"/v1/people/{api.ids['leaver']}/{action}", None, "admin")
        assert PageClient(api).get(path).status_code == 410
        assert PageClient(api).post(path).status_code == 410

    def test_one_of_the_version_before_has_no_time_of_its_own(self, api: ApiDriver) -> None:
        path = create_sign_in_path(api, "leaver")
        api.services.database.fetch_rows("UPDATE {schema}.sign_in_codes SET created_at = NULL RETURNING 1")
        assert PageClient(api).get(path).status_code == 200
        set_email(api, "leaver", "again-new@nexora.example")
        assert PageClient(api).get(path).status_code == 410


class TestPairingCodes:
    """A code for the extension that was agreed to before."""

    def test_die_with_a_deactivation(self, api: ApiDriver) -> None:
        verifier = generate_verifier()
        code = extract_pairing_code(agree_to_pairing(PageClient(api, "leaver"), verifier))
        for action in ("deactivate", "activate"):
            api.post(f"/v1/people/{api.ids['leaver']}/{action}", None, "admin")
        assert exchange_code(api, code, verifier).status_code == 401
        keys = api.services.database.fetch_rows(
            "SELECT 1 FROM {schema}.api_keys WHERE person_id = %s AND scope IS NOT NULL AND deleted_at IS NULL",
            (UUID(api.ids["leaver"]),),
        )
        assert keys == []

    def test_die_with_signing_out_everywhere(self, api: ApiDriver) -> None:
        verifier, page_client = generate_verifier(), PageClient(api, "leaver")
        code = extract_pairing_code(agree_to_pairing(page_client, verifier))
        assert page_client.post("/sign-out/everywhere", headers=OWN_ORIGIN).status_code == 303
        assert exchange_code(api, code, verifier).status_code == 422
