"""Connect the extension as it does it: a verifier, the person's consent, the code for a key."""

import re
import secrets
from typing import Any
from urllib.parse import urlencode

import httpx2

from api.http.api_key_scopes import PAIRING_PATH
from api.pages.settings.extension_pairing import derive_challenge
from api.settings import OUR_EXTENSION
from tests.api.pages.page_client import PageClient
from tests.api_driver import ApiDriver, read_body

ID = OUR_EXTENSION.removeprefix("chrome-extension://")


def generate_verifier() -> str:
    """A secret of the extension's."""
    return secrets.token_urlsafe(32)


def build_consent_path(challenge: str, extension: str = ID) -> str:
    """Build the path of the page that the extension opens."""
    return "/settings/extension?" + urlencode({"extension": extension, "challenge": challenge})


def agree_to_pairing(page_client: PageClient, verifier: str, extension: str = ID) -> httpx2.Response:
    """Submit the person's consent."""
    return page_client.post("/settings/extension", {"extension": extension, "challenge": derive_challenge(verifier)})


def extract_pairing_code(response: httpx2.Response) -> str:
    """The code on the page."""
    assert response.status_code == 201, response.text
    match = re.search(r"data-pairing-code>([\w-]{43})<", response.text)
    assert match
    return match.group(1)


def exchange_code(api: ApiDriver, code: str, verifier: str, origin: str | None = OUR_EXTENSION) -> httpx2.Response:
    """Exchange the code for a key."""
    headers = {"Origin": origin} if origin is not None else {}
    return api.client.post(PAIRING_PATH, json={"code": code, "verifier": verifier}, headers=headers)


def pair_extension(api: ApiDriver, who: str) -> Any:
    """Pair an extension and return its key; the API driver knows it as `who-extension`."""
    verifier = generate_verifier()
    pairing = read_body(
        exchange_code(api, extract_pairing_code(agree_to_pairing(PageClient(api, who), verifier)), verifier), 201
    )
    api.keys[f"{who}-extension"] = pairing["key"]
    return pairing
