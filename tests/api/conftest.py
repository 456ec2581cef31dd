"""One furnished organisation for all tests of a module that do not get in each other's way."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from api.app import build
from store.embedded.server import Server
from tests.api.attacks import OPERATIONS
from tests.api.refusals import head
from tests.api_driver import House, code_of
from tests.conftest import new_settings


@pytest.fixture(scope="module")
def shared_house(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A running service with an organisation in it, on a schema of its own."""
    folder, loopback = tmp_path_factory.mktemp("data"), "127.0.0.0/8"
    with (
        new_settings(server, folder, base_url="http://testserver", calendar_allowed_networks=loopback) as settings,
        TestClient(build(settings), raise_server_exceptions=False) as client,
    ):
        yield House.furnished(client)


@pytest.fixture
def unmoved(shared_house: House) -> Iterator[None]:
    """Whatever the test does, the log does not move."""
    before = head(shared_house)
    yield
    assert head(shared_house) == before


@pytest.fixture(scope="module")
def paths(shared_house: House) -> dict[str, str]:
    """An address for each path of the OpenAPI document, with ids and codes of things on the link `target`."""
    house = shared_house
    link = house.link("Target", slug="target")
    [token] = house.post(f"/v1/links/{link['id']}/single-use", {}, "member", 201)["items"]
    booked = house.book("target", house.slots("target")[0])
    managed = {"name": "All", "slug": "all", "meeting_type_id": house.ids["type"], "host_ids": [house.ids["engineer"]]}
    ids = {
        "/v1/people/": house.ids["engineer"],
        "/v1/meeting-types/": house.ids["type"],
        "/v1/links/": link["id"],
        "/v1/managed-links/": house.post("/v1/managed-links", managed, "manager", 201)["id"],
        "/v1/single-use/": token["id"],
        "/v1/book/": "target",
        "/v1/manage/": code_of(booked["manage_url"]),
        "/v1/bookings/": booked["booking"]["id"],
        "/v1/api-keys/": str(uuid4()),
        "/v1/me/calendars/": str(uuid4()),
        "/v1/history/streams/": link["id"],
        "/v1/as-of/links/": link["id"],
        "/v1/as-of/single-use/": token["id"],
        "/v1/as-of/meeting-log/": booked["booking"]["id"],
        "/v1/read-models/": "links",
    }

    mail = house.get(f"/v1/bookings/{booked['booking']['id']}/mail", "member")["items"][0]["id"]

    def filled(path: str) -> str:
        path = path.replace("{mail_id}", mail)
        id = next((id for beginning, id in ids.items() if path.startswith(beginning)), "")
        return path.replace("{id}", id).replace("{code}", id).replace("{name}", id)

    return {path: filled(path) for path, _, _ in OPERATIONS}
