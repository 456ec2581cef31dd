"""Signing in through an OpenID provider: who gets in, who does not and why, and how it ends."""

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx2
import pytest

from api.services import Services
from domain.person import Person
from integrations.identity.sign_in_request import LOGOUT_TOKEN_LIFE
from integrations.identity.signed_tokens import LOGOUT_EVENT
from store.access_log import AccessFilters
from store.credentials.identities import Identity
from tests.api.pages.page_client import PageClient, extract_text
from tests.api_driver import ApiDriver
from tests.integrations.identity.forging_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    CODE,
    Claims,
    ForgingProvider,
    run_forging_provider,
    sign_with_foreign_key,
    sign_with_none,
)

EMAIL = "member@nexora.example"


@pytest.fixture(scope="module")
def running_provider() -> Iterator[ForgingProvider]:
    """One provider for all tests of this file."""
    with run_forging_provider() as provider:
        yield provider


@pytest.fixture
def provider(running_provider: ForgingProvider) -> ForgingProvider:
    """A provider that answers as it should, and knows the member."""
    fresh = ForgingProvider(running_provider.port, running_provider.keys[:1])
    vars(running_provider).update(vars(fresh))
    running_provider.claims = {"sub": "member-at-provider", "email": EMAIL, "email_verified": True}
    return running_provider


@pytest.fixture
def use_settings(shared_api: ApiDriver, provider: ForgingProvider) -> Iterator[Callable[..., Services]]:
    """Gives the service of all a provider, and other settings; as before afterwards."""
    state = shared_api.client.app.state  # type: ignore[attr-defined]
    before = state.services

    def use(**overrides: Any) -> Services:
        oidc = {"oidc_issuer": provider.issuer, "oidc_client_id": CLIENT_ID, "oidc_client_secret": CLIENT_SECRET}
        settings = before.settings.model_copy(update={**oidc, "oidc_provider_name": "Nexora ID", **overrides})
        state.services = replace(before, settings=settings)
        return state.services  # type: ignore[no-any-return]

    yield use
    state.services = before
    with before.database.acquire_connection() as connection:
        connection.execute(before.database.compose_query("DELETE FROM {schema}.identities"))
        connection.execute(before.database.compose_query("DELETE FROM {schema}.sessions"))


def return_from_provider(
    client: PageClient, provider: ForgingProvider, next: str = "/links", **answer: str
) -> httpx2.Response:
    """Begin to sign in and come back with the provider's code, or another answer."""
    redirect = client.get(f"/sign-in/oidc?next={next}")
    assert redirect.status_code == 303
    query = {name: values[0] for name, values in parse_qs(urlsplit(redirect.headers["location"]).query).items()}
    provider.nonce, provider.challenge = query["nonce"], query["code_challenge"]
    assert query["redirect_uri"] == "http://testserver/sign-in/oidc/callback"
    assert (query["response_type"], query["code_challenge_method"], query["client_id"]) == ("code", "S256", CLIENT_ID)
    params = {"state": query["state"], "code": CODE} | answer
    return client.client.get("/sign-in/oidc/callback", params=params)


def find_last_entry(services: Services) -> dict[str, Any]:
    """The newest entry of the access log."""
    [entry] = services.access_log.list_entries(AccessFilters(), 1)
    return entry


class TestWhoGetsIn:
    """The right answer of a provider."""

    def test_the_person_with_the_verified_address_then_by_subject(
        self, shared_api: ApiDriver, provider: ForgingProvider, use_settings: Callable[..., Services]
    ) -> None:
        services = use_settings()
        client = PageClient(shared_api)
        assert "Continue with Nexora ID" in extract_text(client.get("/sign-in"))
        response = return_from_provider(client, provider)
        assert response.status_code == 303, extract_text(response)
        assert client.is_signed_in()
        assert find_last_entry(services)["kind"] == "sign_in"
        assert not [name for name in client.client.cookies if name.startswith("oncelink_oidc_")]
        provider.claims = {"sub": "member-at-provider", "email": "renamed@nexora.example", "email_verified": False}
        later = PageClient(shared_api)
        assert return_from_provider(later, provider).status_code == 303
        assert later.get("/v1/me").json()["email"] == EMAIL

    def test_after_the_provider_has_changed_its_keys(
        self, shared_api: ApiDriver, provider: ForgingProvider, use_settings: Callable[..., Services]
    ) -> None:
        use_settings()
        assert return_from_provider(PageClient(shared_api), provider).status_code == 303
        provider.rotate_key()
        assert return_from_provider(PageClient(shared_api), provider).status_code == 303
        assert provider.requested_paths.count("/jwks") == 2

    def test_who_joins_by_their_domain_with_the_roles_of_the_claim(
        self, shared_api: ApiDriver, provider: ForgingProvider, use_settings: Callable[..., Services]
    ) -> None:
        services = use_settings(oidc_join_domains="joins.example", oidc_roles_claim="realm_access.roles")
        provider.claims = {
            "sub": "joins",
            "email": "New.One@joins.example",
            "email_verified": True,
            "name": "New\u202e One",
            "realm_access": {"roles": ["manager", "uma_authorization"]},
        }
        client = PageClient(shared_api)
        assert return_from_provider(client, provider).status_code == 303
        id = services.reader.find_claims("email", ["new.one@joins.example"])["new.one@joins.example"]
        properties = services.administration.load_aggregate(Person, id).properties
        assert (properties.email, properties.roles) == ("New.One@joins.example", ("manager",))
        provider.claims["realm_access"] = {"roles": ["auditor"]}
        assert return_from_provider(client, provider).status_code == 303
        assert services.administration.load_aggregate(Person, id).properties.roles == ("auditor",)
        changes = services.access_log.list_entries(AccessFilters("role_change", id), 5)
        assert [change["details"] for change in changes] == [{"roles": "auditor"}]

    def test_whose_provider_omits_email_verified_only_where_the_operator_says_so(
        self, shared_api: ApiDriver, provider: ForgingProvider, use_settings: Callable[..., Services]
    ) -> None:
        del provider.claims["email_verified"]
        use_settings(oidc_trust_email=False)
        assert return_from_provider(PageClient(shared_api), provider).status_code == 403
        use_settings(oidc_trust_email=True)
        assert return_from_provider(PageClient(shared_api), provider).status_code == 303

    def test_whose_address_is_at_the_user_info_endpoint(
        self, shared_api: ApiDriver, provider: ForgingProvider, use_settings: Callable[..., Services]
    ) -> None:
        use_settings()
        provider.user_info = provider.claims
        provider.claims = {"sub": "member-at-provider"}
        assert return_from_provider(PageClient(shared_api), provider).status_code == 303
        for claims in ({"sub": "another"}, {"sub": "a", "email_verified": True}, {"sub": "a", "email_verified": False}):
            provider.claims, provider.user_info = claims, {"sub": "a", "email": EMAIL}
            assert return_from_provider(PageClient(shared_api), provider).status_code == 403

    def test_a_public_client_and_one_that_posts_its_secret(
        self, shared_api: ApiDriver, provider: ForgingProvider, use_settings: Callable[..., Services]
    ) -> None:
        provider.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
        use_settings()
        assert return_from_provider(PageClient(shared_api), provider).status_code == 303
        use_settings(oidc_client_secret="")
        assert return_from_provider(PageClient(shared_api), provider).status_code == 303


def change(**changes: Any) -> Callable[[Claims], Claims]:
    """Claims with some changed, or left out where the value is None."""
    return lambda claims: {name: value for name, value in {**claims, **changes}.items() if value is not None}


WRONG_CLAIMS = {
    "wrong_issuer": change(iss="https://evil.example"),
    "wrong_audience": change(aud="another-client"),
    "wrong_audience, several": change(aud=[CLIENT_ID, "another"], azp="another"),
    "wrong_nonce": change(nonce="n" * 43),
    "wrong_nonce, none": change(nonce=None),
    "wrong_subject": change(sub=None),
    "wrong_at_hash": change(at_hash="AAAAAAAAAAAAAAAAAAAAAA"),
    "wrong_iat": change(iat="yesterday"),
    "expired": change(exp=int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())),
    "email_unverified": change(email_verified=False),
    "email_unverified, as text": change(email_verified="true"),
    "email_unverified, without": change(email=""),
    "person_unknown": change(email="nobody@elsewhere.example"),
}


class TestWhoDoesNot:
    """A provider's answer that is wrong: nobody signs in, and the access log has the reason."""

    def refuse(self, api: ApiDriver, provider: ForgingProvider, services: Services, **answer: str) -> str:
        client = PageClient(api)
        response = return_from_provider(client, provider, **answer)
        assert response.status_code in (403, 503)
        assert "You are not signed in" in response.text
        assert client.session_secret is None
        entry = find_last_entry(services)
        assert entry["kind"] == "sign_in_refused"
        return str(entry["reason"])

    @pytest.mark.parametrize("case", WRONG_CLAIMS)
    def test_wrong_claims(
        self, shared_api: ApiDriver, provider: ForgingProvider, use_settings: Callable[..., Services], case: str
    ) -> None:
        services = use_settings(oidc_join_domains="joins.example")
        provider.forge_claims = WRONG_CLAIMS[case]
        assert self.refuse(shared_api, provider, services) == case.partition(",")[0]

    @pytest.mark.parametrize("forge", [sign_with_foreign_key, sign_with_none, "public key", "not a token", "a.b.c"])
    def test_wrong_signatures(
        self, shared_api: ApiDriver, provider: ForgingProvider, use_settings: Callable[..., Services], forge: Any
    ) -> None:
        services = use_settings()
        forged = provider.sign_with_public_key if forge == "public key" else lambda _: forge
        provider.forge_token = forge if callable(forge) else forged
        expected = "wrong_algorithm" if forge in (sign_with_none, "public key") else "wrong_signature"
        assert self.refuse(shared_api, provider, services) == expected

    def test_clocks_may_differ_by_two_minutes(
        self, shared_api: ApiDriver, provider: ForgingProvider, use_settings: Callable[..., Services]
    ) -> None:
        services = use_settings()
        now = int(datetime.now(UTC).timestamp())
        provider.forge_claims = change(iat=now + 100, exp=now - 100)
        assert return_from_provider(PageClient(shared_api), provider).status_code == 303
        provider.forge_claims = change(exp=now - 130)
        assert self.refuse(shared_api, provider, services) == "expired"

    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            ({"error": "access_denied", "code": ""}, "provider_refused"),
            ({"code": "another"}, "code_refused"),
            ({"code": ""}, "state_mismatch"),
            ({"state": "another"}, "state_mismatch"),
            ({"state": ""}, "state_mismatch"),
            ({"iss": "https://evil.example"}, "wrong_issuer"),
        ],
    )
    def test_another_answer_at_the_browser(
        self,
        shared_api: ApiDriver,
        provider: ForgingProvider,
        use_settings: Callable[..., Services],
        answer: dict[str, str],
        reason: str,
    ) -> None:
        assert self.refuse(shared_api, provider, use_settings(), **answer) == reason

    def test_an_answer_of_another_browser_or_after_ten_minutes(
        self, shared_api: ApiDriver, provider: ForgingProvider, use_settings: Callable[..., Services]
    ) -> None:
        services = use_settings()
        victim, attacker = PageClient(shared_api), PageClient(shared_api)
        location = attacker.get("/sign-in/oidc").headers["location"]
        state = parse_qs(urlsplit(location).query)["state"][0]
        path = f"/sign-in/oidc/callback?state={state}&code={CODE}"
        assert victim.get(path).status_code == 403
        shared_api.clock.advance(minutes=10.1)
        assert attacker.get(path).status_code == 403
        shared_api.clock.advance(minutes=-10.1)
        assert find_last_entry(services)["reason"] == "state_mismatch"
        assert not [path for path in provider.requested_paths if path == "/token"]

    def test_somebody_bound_to_another_subject_or_by_another_issuer(
        self, shared_api: ApiDriver, provider: ForgingProvider, use_settings: Callable[..., Services]
    ) -> None:
        services = use_settings()
        assert return_from_provider(PageClient(shared_api), provider).status_code == 303
        provider.claims["sub"] = "another"
        assert self.refuse(shared_api, provider, services) == "bound_to_another"
        # the issuer was changed: what was bound there says nothing here, even under the same subject
        provider.claims["sub"] = "member-at-provider"
        member_id = UUID(shared_api.ids["member"])
        assert services.identities.unbind(member_id)
        services.identities.bind(Identity("https://old.example", "member-at-provider"), member_id, services.clock())
        assert self.refuse(shared_api, provider, services) == "bound_to_another"

    def test_somebody_deactivated(
        self, shared_api: ApiDriver, provider: ForgingProvider, use_settings: Callable[..., Services]
    ) -> None:
        services = use_settings()
        assert return_from_provider(PageClient(shared_api), provider).status_code == 303
        shared_api.post(f"/v1/people/{shared_api.ids['member']}/deactivate", None, "admin")
        try:
            assert self.refuse(shared_api, provider, services) == "deactivated"
        finally:
            shared_api.post(f"/v1/people/{shared_api.ids['member']}/activate", None, "admin")

    @pytest.mark.parametrize(
        ("path", "status", "body", "reason"),
        [
            ("/token", 503, b"{}", "provider_away"),
            ("/token", 302, b"{}", "wrong_provider_answer"),
            ("/token", 200, b"<html>", "wrong_provider_answer"),
            ("/token", 200, b'{"access_token": "a"}', "wrong_provider_answer"),
            ("/token", 200, b'{"id_token": ["a"]}', "wrong_provider_answer"),
            ("/token", 200, b"[" + b" " * 1_100_000 + b"]", "wrong_provider_answer"),
            ("/jwks", 200, b'{"keys": [{"kty": "RSA"}]}', "wrong_provider_answer"),
            ("/jwks", 200, b'{"keys": "none"}', "wrong_provider_answer"),
        ],
    )
    def test_a_provider_that_fails(
        self,
        shared_api: ApiDriver,
        provider: ForgingProvider,
        use_settings: Callable[..., Services],
        path: str,
        status: int,
        body: bytes,
        reason: str,
    ) -> None:
        services = use_settings()
        provider.answers[path] = status, body
        assert self.refuse(shared_api, provider, services) == reason

    @pytest.mark.parametrize(
        "metadata",
        [
            {"issuer": "https://evil.example"},
            {"token_endpoint": "http://evil.example/token"},
            {"jwks_uri": None},
            {"authorization_endpoint": "javascript:alert(1)"},
        ],
    )
    def test_a_provider_that_describes_itself_wrongly(
        self,
        shared_api: ApiDriver,
        provider: ForgingProvider,
        use_settings: Callable[..., Services],
        metadata: dict[str, Any],
    ) -> None:
        services = use_settings()
        provider.metadata = metadata
        response = PageClient(shared_api).get("/sign-in/oidc")
        assert response.status_code == 503
        assert "Sign in by mail instead" in response.text
        assert find_last_entry(services)["reason"] == "wrong_provider_answer"

    def test_a_provider_that_is_down_leaves_the_way_by_mail(
        self, shared_api: ApiDriver, use_settings: Callable[..., Services]
    ) -> None:
        use_settings(oidc_issuer="http://127.0.0.1:9")
        response = PageClient(shared_api).get("/sign-in/oidc")
        assert response.status_code == 503
        assert "does not answer at the moment" in response.text
        assert "Sign in by mail instead" in response.text
        use_settings(oidc_issuer="http://127.0.0.1:9", sign_in="oidc")
        assert "Sign in by mail" not in PageClient(shared_api).get("/sign-in/oidc").text


class TestWays:
    """The setting SIGN_IN."""

    def test_only_the_provider(self, shared_api: ApiDriver, use_settings: Callable[..., Services]) -> None:
        use_settings(sign_in="oidc")
        client = PageClient(shared_api)
        assert 'name="email"' not in client.get("/sign-in").text
        assert client.post("/sign-in", {"email": EMAIL}).status_code == 404
        client.sign_in("member")  # with what `oncelink sign-in` prints
        assert client.is_signed_in()

    def test_only_mail(self, shared_api: ApiDriver, use_settings: Callable[..., Services]) -> None:
        use_settings(sign_in="mail")
        client = PageClient(shared_api)
        assert "Nexora ID" not in client.get("/sign-in").text
        assert client.get("/sign-in/oidc").status_code == 404
        assert client.post("/sign-in/oidc/logout", {"logout_token": "x"}).status_code == 404


class TestSigningOut:
    """At the provider from here, and here from the provider."""

    def test_leads_on_to_the_provider(
        self, shared_api: ApiDriver, provider: ForgingProvider, use_settings: Callable[..., Services]
    ) -> None:
        services = use_settings()
        client = PageClient(shared_api)
        return_from_provider(client, provider)
        [stored] = services.database.fetch_rows("SELECT id_token FROM {schema}.sessions WHERE issuer IS NOT NULL")
        payload = provider.sign(provider.build_claims()).split(".")[1]
        assert payload[:20].encode() not in stored["id_token"]
        page = client.post("/sign-out").text
        [url] = [part.partition('"')[0].replace("&amp;", "&") for part in page.split('href="') if "/end?" in part]
        query = parse_qs(urlsplit(url).query)
        assert query["post_logout_redirect_uri"] == ["http://testserver/sign-in"]
        claims = query["id_token_hint"][0].split(".")[1]
        assert json.loads(base64.urlsafe_b64decode(claims + "=="))["sub"] == "member-at-provider"
        assert not client.is_signed_in()

    def test_by_the_providers_own_word_once(
        self, shared_api: ApiDriver, provider: ForgingProvider, use_settings: Callable[..., Services]
    ) -> None:
        services = use_settings()
        first, second = PageClient(shared_api), PageClient(shared_api)
        for client, session_id in ((first, "s-1"), (second, "s-2")):
            provider.claims["sid"] = session_id
            return_from_provider(client, provider)
        token = provider.sign(build_logout_claims(provider, sid="s-1", sub=None))
        assert first.client.post("/sign-in/oidc/logout", data={"logout_token": token}).status_code == 200
        assert (first.is_signed_in(), second.is_signed_in()) == (False, True)
        assert find_last_entry(services)["details"] == {"way": "oidc logout"}
        every = provider.sign(build_logout_claims(provider))
        for _ in range(2):
            assert first.client.post("/sign-in/oidc/logout", data={"logout_token": every}).status_code == 200
        assert not second.is_signed_in()
        provider.claims.pop("sid")
        return_from_provider(first, provider)
        assert first.client.post("/sign-in/oidc/logout", data={"logout_token": every}).status_code == 200
        assert first.is_signed_in()  # each token ends sessions once

    @pytest.mark.parametrize(
        "changes",
        [
            {"iss": "https://evil.example"},
            {"aud": "another"},
            {"nonce": "n"},
            {"events": {}},
            {"events": None},
            {"sub": None},
            {"jti": None},
            {"iat": int(datetime.now(UTC).timestamp() - LOGOUT_TOKEN_LIFE.total_seconds() - 300)},
        ],
    )
    def test_not_by_a_wrong_token(
        self,
        shared_api: ApiDriver,
        provider: ForgingProvider,
        use_settings: Callable[..., Services],
        changes: dict[str, Any],
    ) -> None:
        use_settings()
        client = PageClient(shared_api)
        return_from_provider(client, provider)
        tokens = [provider.sign(build_logout_claims(provider, **changes))]
        tokens += [sign_with_none(build_logout_claims(provider)), sign_with_foreign_key(build_logout_claims(provider))]
        for token in tokens:
            assert client.client.post("/sign-in/oidc/logout", data={"logout_token": token}).status_code == 400
        assert client.is_signed_in()


def build_logout_claims(provider: ForgingProvider, **changes: Any) -> Claims:
    """Claims of a logout token."""
    now = int(datetime.now(UTC).timestamp())
    claims = {
        "iss": provider.issuer,
        "aud": CLIENT_ID,
        "iat": now,
        "jti": "j" * 20,
        "sub": "member-at-provider",
        "events": {LOGOUT_EVENT: {}},
    }
    return change(**changes)(claims)
