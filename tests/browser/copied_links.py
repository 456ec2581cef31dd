"""Single-use links that were copied: their codes, bookings with them, and responses that get lost on the way."""

import re
from datetime import UTC, datetime, timedelta

from playwright.sync_api import Page, Route

from tests.browser.browsing import read_clipboard

GUEST = {"name": "Grace Hopper", "email": "grace@acme.example", "time_zone": "Europe/Berlin"}


def read_code_from_clipboard(page: Page) -> str:
    """The code of the single-use link on the clipboard."""
    match = re.fullmatch(r"http://127\.0\.0\.1:\d+/s/([\w-]{43})", read_clipboard(page))
    assert match
    return match.group(1)


def book_slot(page: Page, code: str, base_url: str = "") -> int:
    """Book a free slot as a guest and return the status. Without a base URL, on the server of the page."""
    first = (datetime.now(UTC) + timedelta(days=3)).date()
    query = f"from={first}&to={first + timedelta(days=20)}&time_zone=Europe/Berlin"
    slots = page.request.get(f"{base_url}/v1/book/{code}/slots?{query}")
    if slots.status != 200:
        return slots.status
    start = slots.json()["slots"][-1]["start"]
    return page.request.post(f"{base_url}/v1/book/{code}", data={"start": start, "guest": GUEST}).status


def drop_responses(page: Page, count: int) -> list[str]:
    """Let the server process requests but drop its first responses. Returns the keys of all requests."""
    keys: list[str] = []

    def handle_route(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        response = route.fetch()
        assert response.status == 201
        if len(keys) <= count:
            route.abort("connectionreset")
        else:
            route.fulfill(response=response)

    page.route("**/v1/links/*/single-use", handle_route)
    return keys
