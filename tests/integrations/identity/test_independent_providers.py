"""Signing in and out against OpenID providers that others wrote."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.api.pages.page_client import PageClient
from tests.api_driver import ApiDriver
from tests.integrations.identity import independent_providers
from tests.integrations.identity.forging_provider import CLIENT_ID, CLIENT_SECRET
from tests.integrations.identity.independent_providers import IndependentProvider, sign_in_at_provider
from tests.node.tools import require_package

EMAIL = "member@nexora.example"
BACK = "http://testserver/sign-in/oidc/callback"
RunProvider = Callable[[Path, str, str], AbstractContextManager[IndependentProvider]]
PROVIDERS: dict[str, RunProvider] = {
    "oidc-provider of npm": independent_providers.run_oidc_provider,
    "oidc-provider-mock": independent_providers.run_mock,
    "nanoidp": independent_providers.run_nanoidp,
}


@pytest.mark.parametrize("name", PROVIDERS)
def test_signs_in_and_out(shared_api: ApiDriver, tmp_path: Path, name: str) -> None:
    if "npm" in name:
        require_package("oidc-provider")
    with PROVIDERS[name](tmp_path, BACK, EMAIL) as provider:
        state = shared_api.client.app.state  # type: ignore[attr-defined]
        before = state.services
        oidc = {"oidc_issuer": provider.issuer, "oidc_client_id": CLIENT_ID, "oidc_client_secret": CLIENT_SECRET}
        # nanoidp leaves email_verified out
        settings = before.settings.model_copy(update={**oidc, "oidc_trust_email": True})
        state.services = replace(before, settings=settings)
        try:
            client = PageClient(shared_api)
            url = client.get("/sign-in/oidc?next=/links").headers["location"]
            answer = urlsplit(sign_in_at_provider(url, BACK))
            response = client.get(f"{answer.path}?{answer.query}")
            assert response.status_code == 303, response.text
            assert client.get("/v1/me").json()["email"] == EMAIL
            assert client.post("/sign-out").status_code in (200, 303)
            assert not client.is_signed_in()
        finally:
            before.identities.unbind(next(iter(before.reader.find_claims("email", [EMAIL]).values())))
            state.services = before
