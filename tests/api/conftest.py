"""One organisation for all tests of a module that do not disturb each other."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from api.app import build_app
from store.embedded.server import Server
from tests.api.attacks import OPERATIONS
from tests.api.refusals import find_last_position
from tests.api_driver import ApiDriver, extract_code
from tests.conftest import use_new_settings
from tests.movable_clock import MovableClock


@pytest.fixture(scope="module")
def shared_api(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiDriver]:
    """A running service with an organisation, on its own schema, shared by a module."""
    folder, loopback = tmp_path_factory.mktemp("data"), "127.0.0.0/8"
    with (
        use_new_settings(server, folder, base_url="http://testserver", calendar_allowed_networks=loopback) as settings,
        TestClient(build_app(settings, clock=MovableClock()), raise_server_exceptions=False) as client,
    ):
        yield ApiDriver.create_organisation(client)


@pytest.fixture
def unchanged_log(shared_api: ApiDriver) -> Iterator[None]:
    """Asserts after the test that the log has not grown."""
    position_before = find_last_position(shared_api)
    yield
    assert find_last_position(shared_api) == position_before


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
        "/v1/links/": link["id"],
        "/v1/managed-links/": api.post("/v1/managed-links", managed, "manager", 201)["id"],
        "/v1/single-use/": token["id"],
        "/v1/book/": "target",
        "/v1/manage/": extract_code(booking["manage_url"]),
        "/v1/bookings/": booking["booking"]["id"],
        "/v1/api-keys/": str(uuid4()),
        "/v1/me/calendars/": str(uuid4()),
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
