"""Connecting as the extension does it: a verifier of its own, the person's agreement, the code against a key."""

import re
import secrets
from typing import Any
from urllib.parse import urlencode

import httpx2

from api.http.api_key_scopes import PAIRING_PATH
from api.pages.settings.extension_pairing import challenge_of
from api.settings import OUR_EXTENSION
from tests.api.pages.page_client import Visitor
from tests.api_driver import House, checked

ID = OUR_EXTENSION.removeprefix("chrome-extension://")


def verifier() -> str:
    """A secret of the extension's."""
    return secrets.token_urlsafe(32)


def question(challenge: str, extension: str = ID) -> str:
    """The page that the extension opens."""
    return "/settings/extension?" + urlencode({"extension": extension, "challenge": challenge})


def agreed(visitor: Visitor, kept: str, extension: str = ID) -> httpx2.Response:
    """The person presses the button."""
    return visitor.post("/settings/extension", {"extension": extension, "challenge": challenge_of(kept)})


def code_of(answer: httpx2.Response) -> str:
    """The code on the page."""
    assert answer.status_code == 201, answer.text
    found = re.search(r"data-pairing-code>([\w-]{43})<", answer.text)
    assert found
    return found.group(1)


def exchanged(house: House, code: str, kept: str, origin: str | None = OUR_EXTENSION) -> httpx2.Response:
    """The extension brings its code."""
    headers = {"Origin": origin} if origin is not None else {}
    return house.client.post(PAIRING_PATH, json={"code": code, "verifier": kept}, headers=headers)


def paired(house: House, who: str) -> Any:
    """A key of the extension for somebody; `who-extension` sends it from now on."""
    kept = verifier()
    found = checked(exchanged(house, code_of(agreed(Visitor(house, who), kept)), kept), 201)
    house.keys[f"{who}-extension"] = found["key"]
    return found
