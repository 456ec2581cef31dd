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

from api.app import build
from api.settings import Settings
from tests.api_driver import GUEST, House, code_of
from tests.once.conftest import Office
from tests.once.guests import at_once, booked, outcome

AT_ONCE = 20
REUSED = "422 idempotency_key_reused"
BAD_KEYS = [b"", b"k" * 256, "schl\u00fcssel".encode(), b"two words"]
Doors = list[tuple[dict[str, Any], str, str]]
Act = Callable[[House, dict[str, Any], dict[str, Any]], object]


def doors(office: Office) -> Doors:
    """A single-use link and a core link, each with a host and a meeting type of its own: link, code, host."""
    found = []
    for kind in ("single-use", "core"):
        host = office.host()
        link = office.link(host, meeting_type_id=office.meeting_type())
        code = office.house.codes(link, 1, host)[0] if kind == "single-use" else link["slug"]
        found.append((link, code, host))
    return found


def post(client: Any, path: str, body: Any, key: str | bytes, token: str | None = None) -> httpx2.Response:
    """A POST with a key; `body` may be JSON text already."""
    headers = {
        b"idempotency-key": key if isinstance(key, bytes) else key.encode(),
        b"content-type": b"application/json",
    }
    if token:
        headers[b"authorization"] = f"Bearer {token}".encode()
    content = body if isinstance(body, str) else json.dumps(body)
    answer: httpx2.Response = client.post(path, content=content, headers=list(headers.items()))
    return answer


def check_replayed(answer: httpx2.Response, first: httpx2.Response) -> None:
    """It is the first answer again, and says so."""
    assert answer.status_code == first.status_code == 201, answer.text
    assert answer.content == first.content
    assert answer.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers


class TestBook:
    """POST /v1/book/{code}"""

    def test_the_same_values_in_another_spelling(self, office: Office) -> None:
        for _, code, _ in doors(office):
            key, start = uuid4().hex, office.house.slots(code)[0]
            body = {"start": start, "guest": GUEST, "notes": "Caf\u00e9"}
            first = post(office.running[0], f"/v1/book/{code}", body, key)
            for spelling in spellings(body):
                check_replayed(post(office.running[1], f"/v1/book/{code}", spelling, key), first)

    def test_another_body_is_refused(self, office: Office) -> None:
        for _, code, _ in doors(office):
            key, (start, other, *_) = uuid4().hex, office.house.slots(code)
            body = {"start": start, "guest": GUEST, "notes": None}
            assert post(office.running[0], f"/v1/book/{code}", body, key).status_code == 201
            for change in ({"start": other}, {"notes": "More"}, {"guest": GUEST | {"name": "Somebody else"}}):
                answer = post(office.running[1], f"/v1/book/{code}", body | change, key)
                assert outcome(answer) == REUSED
                assert answer.json()["errors"][0]["field"] == "Idempotency-Key"

    def test_a_refusal_leaves_the_key_free(self, office: Office) -> None:
        for link, code, _ in doors(office):
            key, (taken, free, *_) = uuid4().hex, office.house.slots(code)
            office.house.book(link["slug"], taken)
            refused = post(office.running[0], f"/v1/book/{code}", {"start": taken, "guest": GUEST}, key)
            assert outcome(refused) == "409 slot_taken"
            booked = post(office.running[0], f"/v1/book/{code}", {"start": free, "guest": GUEST}, key)
            assert booked.status_code == 201
            assert "Idempotent-Replayed" not in booked.headers

    def test_a_key_belongs_to_its_link(self, office: Office) -> None:
        key, start = uuid4().hex, office.house.slots(doors(office)[0][1])[0]
        answers = [
            post(office.running[0], f"/v1/book/{code}", {"start": start, "guest": GUEST}, key)
            for _, code, _ in doors(office)
        ]
        assert [answer.status_code for answer in answers] == [201, 201]
        assert all("Idempotent-Replayed" not in answer.headers for answer in answers)

    def test_at_once(self, office: Office) -> None:
        for link, code, _ in doors(office):
            body = {"start": office.house.slots(code)[0], "guest": GUEST}
            call = partial(post, path=f"/v1/book/{code}", body=body, key=uuid4().hex)
            answers = at_once([partial(call, office.running[number % 2]) for number in range(AT_ONCE)])
            check_same(answers)
            assert booked(office.database, link) == 1

    def test_whatever_happens_afterwards(self, office: Office, shared_settings: Settings) -> None:
        for link, code, host in doors(office):
            key, (start, later, *_) = uuid4().hex, office.house.slots(code)
            body = {"start": start, "guest": GUEST, "notes": "By phone"}
            first = post(office.running[0], f"/v1/book/{code}", body, key)
            for happening in happenings(office.house, link, host, code_of(first.json()["manage_url"]), later):
                happening()
                for server in office.running:
                    check_replayed(post(server, f"/v1/book/{code}", body, key), first)
            with TestClient(build(shared_settings)) as restarted:
                check_replayed(post(restarted, f"/v1/book/{code}", body, key), first)
            assert booked(office.database, link) == 1

    def test_an_unknown_slug_stays_unknown_with_a_key(self, office: Office) -> None:
        [_, (link, slug, _)] = doors(office)
        start = office.house.slots(slug)[0]
        office.house.patch(f"/v1/links/{link['id']}", {"slug": new_name()}, "manager")
        for code in (slug, new_name()):
            answer = post(office.running[0], f"/v1/book/{code}", {"start": start, "guest": GUEST}, uuid4().hex)
            assert outcome(answer) == "404 link_not_found"
        assert booked(office.database, link) == 0


def spellings(body: dict[str, Any]) -> list[str]:
    """The same values in other words of JSON."""
    berlin = datetime.fromisoformat(body["start"]).astimezone(UTC) + timedelta(hours=2)
    return [
        json.dumps(dict(reversed(body.items())), indent=3, ensure_ascii=False),
        json.dumps(body | {"guest": dict(reversed(body["guest"].items()))}),
        json.dumps(body | {"start": body["start"].replace("Z", "+00:00")}),
        json.dumps(body | {"start": berlin.isoformat().replace("+00:00", "+02:00")}),
    ]


def happenings(house: House, link: dict[str, Any], host: str, manage: str, later: str) -> list[Callable[[], object]]:
    """What may happen after a booking, one after the other."""
    path, yesterday = f"/v1/links/{link['id']}", (datetime.now(UTC) - timedelta(days=1)).isoformat()
    person = f"/v1/people/{house.ids[host]}"
    return [
        lambda: house.patch(f"/v1/meeting-types/{link['meeting_type']['id']}", {"name": "Renamed"}, "admin"),
        lambda: house.patch(person, {"name": "Renamed", "time_zone": "Asia/Tokyo"}, "admin"),
        lambda: house.patch(path, {"name": "Renamed", "slug": new_name()}, "manager"),
        lambda: house.post(f"/v1/manage/{manage}/reschedule", {"start": later}),
        lambda: house.post(f"/v1/manage/{manage}/cancel", {"reason": "Ill"}),
        lambda: house.patch(path, {"expires_at": yesterday}, "manager"),
        lambda: house.post(f"{path}/disable", None, "manager"),
        lambda: house.send("DELETE", path, who="manager").raise_for_status(),
        lambda: house.post(f"{person}/deactivate", None, "admin"),
    ]


def check_same(answers: list[httpx2.Response]) -> None:
    """All succeeded with one body, and all but one say that they repeat."""
    assert {outcome(answer) for answer in answers} == {"201"}
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1


def new_name() -> str:
    """A name that nobody has."""
    return uuid4().hex[:12]


def people(_: Office) -> tuple[str, dict[str, Any]]:
    return "/v1/people", {"name": "Nora", "email": f"{new_name()}@nexora.example", "time_zone": "UTC"}


def meeting_types(_: Office) -> tuple[str, dict[str, Any]]:
    return "/v1/meeting-types", {"name": "Deep dive", "duration_minutes": 60}


def links(office: Office) -> tuple[str, dict[str, Any]]:
    return "/v1/links", {"name": f"Talk {new_name()}", "meeting_type_id": office.house.ids["type"]}


def links_with_slug(office: Office) -> tuple[str, dict[str, Any]]:
    return "/v1/links", {"name": "Talk", "slug": new_name(), "meeting_type_id": office.house.ids["type"]}


def managed_links(office: Office) -> tuple[str, dict[str, Any]]:
    ids = office.house.ids
    hosts = [ids["member"], ids["engineer"]]
    return "/v1/managed-links", {
        "name": "Team",
        "slug": new_name(),
        "meeting_type_id": ids["type"],
        "host_ids": hosts,
    }


def counted_links(office: Office) -> tuple[str, dict[str, Any]]:
    link = office.house.link("Talk", "admin")
    return f"/v1/links/{link['id']}/single-use", {"count": 3, "metadata": {"b": "2", "a": "1"}, "label": "Fair"}


def links_for_recipients(office: Office) -> tuple[str, dict[str, Any]]:
    link = office.house.link("Talk", "admin")
    recipients = [{"name": "Rita"}, {"email": "rolf@guest.example"}]
    return f"/v1/links/{link['id']}/single-use", {"recipients": recipients}


def api_keys(_: Office) -> tuple[str, dict[str, Any]]:
    return "/v1/api-keys", {"name": "Script"}


EVENT_SOURCED = (people, meeting_types, links, links_with_slug, managed_links, counted_links, links_for_recipients)
CREATIONS = (*EVENT_SOURCED, api_keys)
Creation = Callable[[Office], tuple[str, dict[str, Any]]]


@pytest.mark.parametrize("creation", CREATIONS, ids=lambda one: one.__name__)
class TestCreate:
    """Every other POST that creates."""

    def test_is_answered_as_it_was(self, creation: Creation, office: Office) -> None:
        """Also after the thing was changed, and however the request is spelt."""
        (path, body), key, admin = creation(office), uuid4().hex, office.house.keys["admin"]
        first = post(office.running[0], path, body, key, admin)
        check_replayed(post(office.running[1], path, body, key, admin), first)
        change(office.house, path, first.json())
        spelling = json.dumps(dict(reversed(body.items())), indent=2)
        for server in office.running:
            check_replayed(post(server, path, spelling, key, admin), first)
        other = body | ({"label": "Other"} if "single-use" in path else {"name": "Other"})
        assert outcome(post(office.running[0], path, other, key, admin)) == REUSED

    def test_at_once(self, creation: Creation, office: Office) -> None:
        path, body = creation(office)
        call = partial(post, path=path, body=body, key=uuid4().hex, token=office.house.keys["admin"])
        check_same(at_once([partial(call, office.running[number % 2]) for number in range(AT_ONCE // 2)]))

    def test_a_bad_key_is_named(self, creation: Creation, office: Office) -> None:
        path, body = creation(office)
        for key in BAD_KEYS:
            check_bad_key(post(office.running[0], path, body, key, office.house.keys["admin"]))


def test_a_guests_bad_key_is_named(office: Office) -> None:
    for _, code, _ in doors(office):
        for key in BAD_KEYS:
            check_bad_key(post(office.running[0], f"/v1/book/{code}", {"start": "2027-01-01T09:00:00Z"}, key))
            body = {"start": office.house.slots(code)[0], "guest": GUEST}
            check_bad_key(post(office.running[0], f"/v1/book/{code}", body, key))


def test_one_person_uses_a_key_for_one_route(office: Office) -> None:
    made = [creation(office) for creation in EVENT_SOURCED]
    admin = office.house.keys["admin"]
    for path, body in made:
        key = uuid4().hex
        assert post(office.running[0], path, body, key, admin).status_code == 201
        for other_path, other_body in made:
            if other_path != path:
                assert outcome(post(office.running[1], other_path, other_body, key, admin)) == REUSED


def test_two_people_may_use_the_same_key(office: Office) -> None:
    path, body = links(office)
    key = uuid4().hex
    answers = [post(office.running[0], path, body, key, office.house.keys[who]) for who in ("admin", "member")]
    assert len({answer.json()["id"] for answer in answers}) == 2
    assert all("Idempotent-Replayed" not in answer.headers for answer in answers)


def check_bad_key(answer: httpx2.Response) -> None:
    """Refused for the key, which is named."""
    assert outcome(answer) == "422 invalid"
    assert "Idempotency-Key" in [error["field"] for error in answer.json()["errors"]]


def change(house: House, path: str, made: dict[str, Any]) -> None:
    """Edits what was made, and what it shows."""
    if path.endswith("/single-use"):
        house.post(f"/v1/single-use/{made['items'][0]['id']}/revoke", {"reason": "Mistake"}, "admin")
        house.patch(path.removesuffix("/single-use"), {"name": "Renamed"}, "admin")
    elif path != "/v1/api-keys":
        house.patch(f"{path}/{made['id']}", {"name": "Renamed"}, "admin")
    house.patch(f"/v1/people/{house.ids['admin']}", {"name": f"Ada {new_name()}"}, "admin")
