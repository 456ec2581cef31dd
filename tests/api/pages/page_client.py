"""A client for pages: it keeps cookies, sends Origin as browsers do, and follows no redirect by itself."""

import re
from typing import Any
from uuid import UUID

import httpx2
from fastapi.testclient import TestClient

from api.clock import read_clock
from api.http.dependencies import SESSION_COOKIE
from tests.api_driver import ApiDriver

OWN_ORIGIN = {"Origin": "http://testserver"}


class PageClient:
    """A person, or nobody, who opens pages."""

    def __init__(self, api: ApiDriver, who: str | None = None) -> None:
        self.api = api
        self.client = TestClient(api.client.app, raise_server_exceptions=False, follow_redirects=False)
        if who:
            self.sign_in(who)

    def sign_in(self, who: str) -> None:
        """Open a sign-in link and press its button."""
        path = create_sign_in_path(self.api, who)
        assert self.get(path).status_code == 200
        assert self.post(path).status_code == 303

    def get(self, path: str, **headers: str) -> httpx2.Response:
        """Get a page."""
        return self.client.get(path, headers={"Accept": "text/html", **headers})

    def post(self, path: str, data: Any = None, headers: Any = None) -> httpx2.Response:
        """Submit a form of one of our pages, unless other headers are given."""
        return self.client.post(path, data=data or {}, headers=OWN_ORIGIN if headers is None else headers)

    def upload(self, path: str, data: Any, file: bytes = b"") -> httpx2.Response:
        """Submit a form that may have a file."""
        files = {name: (None, value) for name, value in data.items()}
        return self.client.post(path, files={**files, "file": ("list.csv", file)}, headers=OWN_ORIGIN)

    @property
    def session_secret(self) -> str | None:
        """The secret of the session, None without one."""
        return self.client.cookies.get(SESSION_COOKIE)

    def is_signed_in(self) -> bool:
        """Whether pages for signed-in people are shown."""
        return self.get("/links").status_code == 200


def create_sign_in_path(api: ApiDriver, who: str) -> str:
    """Create a sign-in link of a person and return its path."""
    return f"/sign-in/{api.services.api_keys.create_sign_in_code(UUID(api.ids[who]), read_clock())}"


def extract_text(response: httpx2.Response) -> str:
    """Return a page's visible text."""
    main = response.text[response.text.index("<main") :]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", re.sub(r"</?bdi>", "", main)))
