"""A request that is repeated with its Idempotency-Key is answered as it was, whatever has happened since."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from fastapi.testclient import TestClient

from api.app import build_app
from api.settings import Settings
from tests.api_driver import GUEST, ApiDriver, extract_code
from tests.once.conftest import Deployment
from tests.once.guests import count_bookings, run_concurrently, to_outcome

AT_ONCE = 20
REUSED = "422 idempotency_key_reused"
BAD_KEYS = [b"", b"k" * 256, "schl\u00fcssel".encode(), b"two words"]
BookingLinks = list[tuple[dict[str, Any], str, str]]
Act = Callable[[ApiDriver, dict[str, Any], dict[str, Any]], object]


def create_booking_links(deployment: Deployment) -> BookingLinks:
    """Create a single-use link and a core link, each with its own host and meeting type. Return link, code and host."""
    booking_links = []
    for kind in ("single-use", "core"):
        host = deployment.add_host()
        link = deployment.create_link(host, meeting_type_id=deployment.create_meeting_type())
        code = deployment.api.create_codes(link, 1, host)[0] if kind == "single-use" else link["slug"]
        booking_links.append((link, code, host))
    return booking_links


def send_post(client: Any, path: str, body: Any, key: str | bytes, token: str | None = None) -> httpx2.Response:
    """Send a POST with a key. `body` may already be JSON text."""
    headers = {
        b"idempotency-key": key if isinstance(key, bytes) else key.encode(),
        b"content-type": b"application/json",
    }
    if token:
        headers[b"authorization"] = f"Bearer {token}".encode()
    content = body if isinstance(body, str) else json.dumps(body)
    response: httpx2.Response = client.post(path, content=content, headers=list(headers.items()))
    return response


def check_replayed(response: httpx2.Response, first_response: httpx2.Response) -> None:
    """Check that a response replays the first one and says so."""
    assert response.status_code == first_response.status_code == 201, response.text
    assert response.content == first_response.content
    assert response.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first_response.headers


class TestBook:
    """POST /v1/book/{code}"""

    def test_the_same_values_in_another_spelling(self, deployment: Deployment) -> None:
        for _, code, _ in create_booking_links(deployment):
            key, start = uuid4().hex, deployment.api.list_slots(code)[0]
            body = {"start": start, "guest": GUEST, "notes": "Caf\u00e9"}
            first_response = send_post(deployment.clients[0], f"/v1/book/{code}", body, key)
            for spelling in list_spellings(body):
                check_replayed(send_post(deployment.clients[1], f"/v1/book/{code}", spelling, key), first_response)

    def test_another_body_is_refused(self, deployment: Deployment) -> None:
        for _, code, _ in create_booking_links(deployment):
            key, (start, other_start, *_) = uuid4().hex, deployment.api.list_slots(code)
            body = {"start": start, "guest": GUEST, "notes": None}
            assert send_post(deployment.clients[0], f"/v1/book/{code}", body, key).status_code == 201
            for change in ({"start": other_start}, {"notes": "More"}, {"guest": GUEST | {"name": "Somebody else"}}):
                response = send_post(deployment.clients[1], f"/v1/book/{code}", body | change, key)
                assert to_outcome(response) == REUSED
                assert response.json()["errors"][0]["field"] == "Idempotency-Key"

    def test_a_refusal_leaves_the_key_free(self, deployment: Deployment) -> None:
        for link, code, _ in create_booking_links(deployment):
            key, (taken_start, free_start, *_) = uuid4().hex, deployment.api.list_slots(code)
            deployment.api.book_meeting(link["slug"], taken_start)
            refusal = send_post(deployment.clients[0], f"/v1/book/{code}", {"start": taken_start, "guest": GUEST}, key)
            assert to_outcome(refusal) == "409 slot_taken"
            response = send_post(deployment.clients[0], f"/v1/book/{code}", {"start": free_start, "guest": GUEST}, key)
            assert response.status_code == 201
            assert "Idempotent-Replayed" not in response.headers

    def test_a_key_belongs_to_its_link(self, deployment: Deployment) -> None:
        key, start = uuid4().hex, deployment.api.list_slots(create_booking_links(deployment)[0][1])[0]
        responses = [
            send_post(deployment.clients[0], f"/v1/book/{code}", {"start": start, "guest": GUEST}, key)
            for _, code, _ in create_booking_links(deployment)
        ]
        assert [response.status_code for response in responses] == [201, 201]
        assert all("Idempotent-Replayed" not in response.headers for response in responses)

    def test_at_once(self, deployment: Deployment) -> None:
        for link, code, _ in create_booking_links(deployment):
            body = {"start": deployment.api.list_slots(code)[0], "guest": GUEST}
            call = partial(send_post, path=f"/v1/book/{code}", body=body, key=uuid4().hex)
            responses = run_concurrently([partial(call, deployment.clients[number % 2]) for number in range(AT_ONCE)])
            check_same(responses)
            assert count_bookings(deployment.database, link) == 1

    def test_whatever_happens_afterwards(self, deployment: Deployment, shared_settings: Settings) -> None:
        for link, code, host in create_booking_links(deployment):
            key, (start, later, *_) = uuid4().hex, deployment.api.list_slots(code)
            body = {"start": start, "guest": GUEST, "notes": "By phone"}
            first_response = send_post(deployment.clients[0], f"/v1/book/{code}", body, key)
            for change in list_later_changes(
                deployment.api, link, host, extract_code(first_response.json()["manage_url"]), later
            ):
                change()
                for server in deployment.clients:
                    check_replayed(send_post(server, f"/v1/book/{code}", body, key), first_response)
            with TestClient(build_app(shared_settings)) as restarted:
                check_replayed(send_post(restarted, f"/v1/book/{code}", body, key), first_response)
            assert count_bookings(deployment.database, link) == 1

    def test_an_unknown_slug_stays_unknown_with_a_key(self, deployment: Deployment) -> None:
        [_, (link, slug, _)] = create_booking_links(deployment)
        start = deployment.api.list_slots(slug)[0]
        deployment.api.patch(f"/v1/links/{link['id']}", {"slug": generate_name()}, "manager")
        for code in (slug, generate_name()):
            response = send_post(
                deployment.clients[0], f"/v1/book/{code}", {"start": start, "guest": GUEST}, uuid4().hex
            )
            assert to_outcome(response) == "404 link_not_found"
        assert count_bookings(deployment.database, link) == 0


def list_spellings(body: dict[str, Any]) -> list[str]:
    """List other JSON spellings of the same values."""
    berlin = datetime.fromisoformat(body["start"]).astimezone(UTC) + timedelta(hours=2)
    return [
        json.dumps(dict(reversed(body.items())), indent=3, ensure_ascii=False),
        json.dumps(body | {"guest": dict(reversed(body["guest"].items()))}),
        json.dumps(body | {"start": body["start"].replace("Z", "+00:00")}),
        json.dumps(body | {"start": berlin.isoformat().replace("+00:00", "+02:00")}),
    ]


def list_later_changes(
    api: ApiDriver, link: dict[str, Any], host: str, manage: str, later: str
) -> list[Callable[[], object]]:
    """List what may happen after a booking, in order."""
    path, yesterday = f"/v1/links/{link['id']}", (datetime.now(UTC) - timedelta(days=1)).isoformat()
    person = f"/v1/people/{api.ids[host]}"
    return [
        lambda: api.patch(f"/v1/meeting-types/{link['meeting_type']['id']}", {"name": "Renamed"}, "admin"),
        lambda: api.patch(person, {"name": "Renamed", "time_zone": "Asia/Tokyo"}, "admin"),
        lambda: api.patch(path, {"name": "Renamed", "slug": generate_name()}, "manager"),
        lambda: api.post(f"/v1/manage/{manage}/reschedule", {"start": later}),
        lambda: api.post(f"/v1/manage/{manage}/cancel", {"reason": "Ill"}),
        lambda: api.patch(path, {"expires_at": yesterday}, "manager"),
        lambda: api.post(f"{path}/disable", None, "manager"),
        lambda: api.send_request("DELETE", path, who="manager").raise_for_status(),
        lambda: api.post(f"{person}/deactivate", None, "admin"),
    ]


def check_same(responses: list[httpx2.Response]) -> None:
    """Check that all succeeded with one body, and that all but one are marked as replayed."""
    assert {to_outcome(response) for response in responses} == {"201"}
    assert len({response.content for response in responses}) == 1
    assert sum("Idempotent-Replayed" not in response.headers for response in responses) == 1


def generate_name() -> str:
    """Generate a name that is not in use."""
    return uuid4().hex[:12]


def build_person(_: Deployment) -> tuple[str, dict[str, Any]]:
    return "/v1/people", {"name": "Nora", "email": f"{generate_name()}@nexora.example", "time_zone": "UTC"}


def build_meeting_type(_: Deployment) -> tuple[str, dict[str, Any]]:
    return "/v1/meeting-types", {"name": "Deep dive", "duration_minutes": 60}


def build_link(deployment: Deployment) -> tuple[str, dict[str, Any]]:
    return "/v1/links", {"name": f"Talk {generate_name()}", "meeting_type_id": deployment.api.ids["type"]}


def build_link_with_slug(deployment: Deployment) -> tuple[str, dict[str, Any]]:
    return "/v1/links", {"name": "Talk", "slug": generate_name(), "meeting_type_id": deployment.api.ids["type"]}


def build_managed_link(deployment: Deployment) -> tuple[str, dict[str, Any]]:
    ids = deployment.api.ids
    hosts = [ids["member"], ids["engineer"]]
    return "/v1/managed-links", {
        "name": "Team",
        "slug": generate_name(),
        "meeting_type_id": ids["type"],
        "host_ids": hosts,
    }


def build_counted_links(deployment: Deployment) -> tuple[str, dict[str, Any]]:
    link = deployment.api.create_link("Talk", "admin")
    return f"/v1/links/{link['id']}/single-use", {"count": 3, "metadata": {"b": "2", "a": "1"}, "label": "Fair"}


def build_links_for_recipients(deployment: Deployment) -> tuple[str, dict[str, Any]]:
    link = deployment.api.create_link("Talk", "admin")
    recipients = [{"name": "Rita"}, {"email": "rolf@guest.example"}]
    return f"/v1/links/{link['id']}/single-use", {"recipients": recipients}


def build_api_key(_: Deployment) -> tuple[str, dict[str, Any]]:
    return "/v1/api-keys", {"name": "Script"}


EVENT_SOURCED = (
    build_person,
    build_meeting_type,
    build_link,
    build_link_with_slug,
    build_managed_link,
    build_counted_links,
    build_links_for_recipients,
)
CREATIONS = (*EVENT_SOURCED, build_api_key)
Creation = Callable[[Deployment], tuple[str, dict[str, Any]]]


@pytest.mark.parametrize("creation", CREATIONS, ids=lambda creation: creation.__name__)
class TestCreate:
    """Every other POST that creates."""

    def test_is_answered_as_it_was(self, creation: Creation, deployment: Deployment) -> None:
        """Also after the thing was changed, and however the request is spelt."""
        (path, body), key, admin = creation(deployment), uuid4().hex, deployment.api.keys["admin"]
        first_response = send_post(deployment.clients[0], path, body, key, admin)
        check_replayed(send_post(deployment.clients[1], path, body, key, admin), first_response)
        update_created(deployment.api, path, first_response.json())
        spelling = json.dumps(dict(reversed(body.items())), indent=2)
        for server in deployment.clients:
            check_replayed(send_post(server, path, spelling, key, admin), first_response)
        other_body = body | ({"label": "Other"} if "single-use" in path else {"name": "Other"})
        assert to_outcome(send_post(deployment.clients[0], path, other_body, key, admin)) == REUSED

    def test_at_once(self, creation: Creation, deployment: Deployment) -> None:
        path, body = creation(deployment)
        call = partial(send_post, path=path, body=body, key=uuid4().hex, token=deployment.api.keys["admin"])
        check_same(run_concurrently([partial(call, deployment.clients[number % 2]) for number in range(AT_ONCE // 2)]))

    def test_a_bad_key_is_named(self, creation: Creation, deployment: Deployment) -> None:
        path, body = creation(deployment)
        for key in BAD_KEYS:
            check_bad_key(send_post(deployment.clients[0], path, body, key, deployment.api.keys["admin"]))


def test_a_guests_bad_key_is_named(deployment: Deployment) -> None:
    for _, code, _ in create_booking_links(deployment):
        for key in BAD_KEYS:
            check_bad_key(send_post(deployment.clients[0], f"/v1/book/{code}", {"start": "2027-01-01T09:00:00Z"}, key))
            body = {"start": deployment.api.list_slots(code)[0], "guest": GUEST}
            check_bad_key(send_post(deployment.clients[0], f"/v1/book/{code}", body, key))


def test_one_person_uses_a_key_for_one_route(deployment: Deployment) -> None:
    requests = [creation(deployment) for creation in EVENT_SOURCED]
    admin = deployment.api.keys["admin"]
    for path, body in requests:
        key = uuid4().hex
        assert send_post(deployment.clients[0], path, body, key, admin).status_code == 201
        for other_path, other_body in requests:
            if other_path != path:
                assert to_outcome(send_post(deployment.clients[1], other_path, other_body, key, admin)) == REUSED


def test_two_people_may_use_the_same_key(deployment: Deployment) -> None:
    path, body = build_link(deployment)
    key = uuid4().hex
    responses = [
        send_post(deployment.clients[0], path, body, key, deployment.api.keys[who]) for who in ("admin", "member")
    ]
    assert len({response.json()["id"] for response in responses}) == 2
    assert all("Idempotent-Replayed" not in response.headers for response in responses)


def check_bad_key(response: httpx2.Response) -> None:
    """Check that the request was refused because of its key."""
    assert to_outcome(response) == "422 invalid"
    assert "Idempotency-Key" in [error["field"] for error in response.json()["errors"]]


def update_created(api: ApiDriver, path: str, created: dict[str, Any]) -> None:
    """Edit a created object, and what it shows."""
    if path.endswith("/single-use"):
        api.post(f"/v1/single-use/{created['items'][0]['id']}/revoke", {"reason": "Mistake"}, "admin")
        api.patch(path.removesuffix("/single-use"), {"name": "Renamed"}, "admin")
    elif path != "/v1/api-keys":
        api.patch(f"{path}/{created['id']}", {"name": "Renamed"}, "admin")
    api.patch(f"/v1/people/{api.ids['admin']}", {"name": f"Ada {generate_name()}"}, "admin")
