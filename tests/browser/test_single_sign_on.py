"""Signing in and out through an OpenID provider, as a person sees it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.browsing import BrowserWindows, LiveServer, PageGuard, find_violations, run_live_server
from tests.integrations.identity.forging_provider import CLIENT_ID, CLIENT_SECRET
from tests.integrations.identity.independent_providers import IndependentProvider, run_mock

JULIO = "julio@nexora.example"


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[IndependentProvider]:
    """A provider that knows Julio."""
    with run_mock(tmp_path, "", JULIO) as running_provider:
        yield running_provider


def test_signs_in_goes_on_where_it_began_and_signs_out(
    live_server: LiveServer, chromium: Browser, provider: IndependentProvider
) -> None:
    oidc = {"oidc_issuer": provider.issuer, "oidc_client_id": CLIENT_ID, "oidc_client_secret": CLIENT_SECRET}
    settings = live_server.services.settings.model_copy(update={**oidc, "oidc_provider_name": "Nexora ID"})
    with run_live_server(settings) as own_server:
        windows = BrowserWindows(own_server, chromium, PageGuard(own_server.base_url, other_url=provider.issuer))
        windows.guard.expect_message("ERR_")  # the provider's page asks for a style sheet elsewhere
        page = windows.open_window()
        page.goto("/single-use")
        assert find_violations(page, "light") == []
        page.get_by_role("link", name="Continue with Nexora ID").click()
        page.locator("[name=sub]").first.fill("member")
        page.get_by_role("button", name="Authorize").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("My Single-Use Links")
        page.goto("/settings")
        page.get_by_role("button", name="Sign out", exact=True).first.click()
        page.get_by_role("menuitem", name="Sign out On this device").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("You are signed out")
        expect(page.get_by_role("link", name="Sign out of Nexora ID")).to_be_visible()
        assert find_violations(page, "light") == []
        page.goto("/single-use")
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
        windows.close_windows()
        assert windows.guard.problems == []
