"""Fixtures of tests over HTTP that share one organisation."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.api.attacks import OPERATIONS
from tests.api.refusals import find_last_position
from tests.api_driver import ApiDriver, extract_code


@pytest.fixture
def unchanged_log(shared_api: ApiDriver) -> Iterator[None]:
    """Asserts after the test that the log has not grown."""
    position_before = find_last_position(shared_api)
    yield
    assert find_last_position(shared_api) == position_before


# nobody listens there, and it is switched off
WEBHOOK = {"url": "https://hooks.nexora.example/", "types": ["person.deactivated"], "active": False}


@pytest.fixture(scope="module")
def paths(shared_api: ApiDriver) -> dict[str, str]:
    """A URL path for each path of the OpenAPI document, with ids and codes of the link `target`."""
    api = shared_api
    link = api.create_link("Target", slug="target")
    [token] = api.post(f"/v1/links/{link['id']}/single-use", {}, "member", 201)["items"]
    booking = api.book_meeting("target", api.list_slots("target")[0])
    managed = {"name": "All", "slug": "all", "meeting_type_id": api.ids["type"], "host_ids": [api.ids["engineer"]]}
    ids = {
        "/v1/people/": api.ids["engineer"],
        "/v1/meeting-types/": api.ids["type"],
        "/v1/teams/": api.create_team("engineer")["id"],
        "/v1/links/": link["id"],
        "/v1/managed-links/": api.post("/v1/managed-links", managed, "manager", 201)["id"],
        "/v1/single-use/": token["id"],
        "/v1/book/": "target",
        "/v1/manage/": extract_code(booking["manage_url"]),
        "/v1/bookings/": booking["booking"]["id"],
        "/v1/api-keys/": str(uuid4()),
        "/v1/sessions/": str(uuid4()),
        "/v1/me/calendars/": str(uuid4()),
        "/v1/webhooks/": api.post("/v1/webhooks", WEBHOOK, "manager", 201)["id"],
        "/v1/history/streams/": link["id"],
        "/v1/as-of/links/": link["id"],
        "/v1/as-of/single-use/": token["id"],
        "/v1/as-of/meeting-log/": booking["booking"]["id"],
        "/v1/read-models/": "links",
    }

    notification_id = api.get(f"/v1/bookings/{booking['booking']['id']}/mail", "member")["items"][0]["id"]

    def fill_path(path: str) -> str:
        path = path.replace("{mail_id}", notification_id)
        id = next((id for prefix, id in ids.items() if path.startswith(prefix)), "")
        return path.replace("{id}", id).replace("{code}", id).replace("{name}", id)

    return {path: fill_path(path) for path, _, _ in OPERATIONS}
