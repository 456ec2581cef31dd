"""A browser without a screen: it keeps cookies, sends Origin as browsers do, and follows what it is told."""

import re
from typing import Any
from uuid import UUID

import httpx2
from fastapi.testclient import TestClient

from api.clock import now
from api.http.dependencies import SESSION
from tests.api_driver import House

OWN = {"Origin": "http://testserver"}


class Visitor:
    """Somebody who looks at pages."""

    def __init__(self, house: House, who: str | None = None) -> None:
        self.house = house
        self.client = TestClient(house.client.app, raise_server_exceptions=False, follow_redirects=False)
        if who:
            self.sign_in(who)

    def sign_in(self, who: str) -> None:
        """Opens a sign-in link and presses its button."""
        path = sign_in_path(self.house, who)
        assert self.get(path).status_code == 200
        assert self.post(path).status_code == 303

    def get(self, path: str, **headers: str) -> httpx2.Response:
        """A page."""
        return self.client.get(path, headers={"Accept": "text/html", **headers})

    def post(self, path: str, data: Any = None, headers: Any = None) -> httpx2.Response:
        """A form that is sent from one of our pages, unless other headers are given."""
        return self.client.post(path, data=data or {}, headers=OWN if headers is None else headers)

    @property
    def session(self) -> str | None:
        """The session's secret."""
        return self.client.cookies.get(SESSION)

    def signed_in(self) -> bool:
        """Whether a page for signed-in people is shown."""
        return self.get("/links").status_code == 200


def sign_in_path(house: House, who: str) -> str:
    """A new one-time link of a person."""
    return f"/sign-in/{house.oncelink.keys.sign_in_code(UUID(house.ids[who]), now())}"


def text_of(answer: httpx2.Response) -> str:
    """What a page says, without its tags."""
    main = answer.text[answer.text.index("<main") :]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main))
