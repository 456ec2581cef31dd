"""One request for each command of the service, with what it must be answered and what it must append."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx2

from tests.api_driver import GUEST, House, code_of


@dataclass(frozen=True)
class Command:
    """A request, the status of its success, and the events that it appends."""

    method: str
    path: str
    body: Any
    event: str
    who: str | None = None
    status: int = 201
    events: int = 1
    key: str | None = None
    if_match: str | None = None

    def send(self, house: House) -> httpx2.Response:
        """The answer to it."""
        headers = {"Idempotency_Key": self.key, "If_Match": self.if_match}
        given = {name: value for name, value in headers.items() if value is not None}
        return house.send(self.method, self.path, self.body, self.who, **given)


def new_name() -> str:
    """A name that nobody has."""
    return uuid4().hex[:12]


def booking(house: House, code: str, key: str | None) -> Command:
    """A booking of the first slot of a link."""
    body = {"start": house.slots(code, 1)[0], "guest": GUEST, "notes": "By phone, please."}
    return Command("POST", f"/v1/book/{code}", body, "MeetingBooked.v1", key=key)


def new_single_use(house: House) -> dict[str, Any]:
    """A single-use link."""
    issued = house.post(f"/v1/links/{house.link('Talk')['id']}/single-use", {}, "member", 201)
    found: dict[str, Any] = issued["items"][0]
    return found


def booked_meeting(house: House) -> tuple[str, list[str]]:
    """The path of a meeting's own page, and the times it can be moved to."""
    code = new_single_use(house)["code"]
    first, *others = house.slots(code, 1)
    return f"/v1/manage/{code_of(house.book(code, first)['manage_url'])}", others


def book_single_use(house: House) -> Command:
    return booking(house, new_single_use(house)["code"], new_name())


def book_single_use_without_key(house: House) -> Command:
    return booking(house, new_single_use(house)["code"], None)


def book_core_link(house: House) -> Command:
    return booking(house, house.link("Talk")["slug"], new_name())


def book_core_link_without_key(house: House) -> Command:
    return booking(house, house.link("Talk")["slug"], None)


def reschedule(house: House) -> Command:
    page, times = booked_meeting(house)
    return Command("POST", f"{page}/reschedule", {"start": times[0]}, "Rescheduled.v1", status=200)


def cancel(house: House) -> Command:
    page, _ = booked_meeting(house)
    return Command("POST", f"{page}/cancel", {"reason": "Ill"}, "MeetingCancelled.v1", status=200)


def issue(house: House) -> Command:
    path = f"/v1/links/{house.link('Talk')['id']}/single-use"
    return Command("POST", path, {"count": 3}, "SingleUseIssued.v1", "member", events=3, key=new_name())


def issue_without_key(house: House) -> Command:
    path = f"/v1/links/{house.link('Talk')['id']}/single-use"
    return Command("POST", path, {"recipients": [{"name": "Rita"}]}, "SingleUseIssued.v1", "member")


def revoke(house: House) -> Command:
    path = f"/v1/single-use/{new_single_use(house)['id']}/revoke"
    return Command("POST", path, {"reason": "Sent by mistake"}, "SingleUseRevoked.v1", "member", 200)


def create_link(house: House) -> Command:
    body = {"name": "Talk", "slug": new_name(), "meeting_type_id": house.ids["type"]}
    return Command("POST", "/v1/links", body, "LinkCreated.v1", "member", key=new_name())


def create_link_without_key(house: House) -> Command:
    body = {"name": "Talk", "slug": new_name(), "meeting_type_id": house.ids["type"]}
    return Command("POST", "/v1/links", body, "LinkCreated.v1", "member")


def change_link(house: House) -> Command:
    link = house.link("Talk")
    body = {"name": "Longer talk", "slug": new_name()}
    return Command("PATCH", f"/v1/links/{link['id']}", body, "LinkUpdated.v1", "member", 200, if_match='"1"')


def disable_link(house: House) -> Command:
    path = f"/v1/links/{house.link('Talk')['id']}/disable"
    return Command("POST", path, None, "LinkDisabled.v1", "member", 200)


def delete_link(house: House) -> Command:
    path = f"/v1/links/{house.link('Talk')['id']}"
    return Command("DELETE", path, None, "LinkDeleted.v1", "member", 204, if_match='"1"')


def add_person(house: House) -> Command:
    body = {"name": "Nora", "email": f"{new_name()}@nexora.example", "time_zone": "UTC"}
    return Command("POST", "/v1/people", body, "PersonAdded.v1", "admin", key=new_name())


def change_person(house: House) -> Command:
    made = add_person(house).send(house).json()
    body = {"email": f"{new_name()}@nexora.example"}
    return Command("PATCH", f"/v1/people/{made['id']}", body, "PersonUpdated.v1", "admin", 200, if_match='"1"')


def create_meeting_type(house: House) -> Command:
    body = {"name": "Deep dive", "duration_minutes": 60}
    return Command("POST", "/v1/meeting-types", body, "MeetingTypeCreated.v1", "admin", key=new_name())


def create_managed_link(house: House) -> Command:
    hosts = [house.ids["member"], house.ids["engineer"]]
    body = {"name": "Team", "slug": new_name(), "meeting_type_id": house.ids["type"], "host_ids": hosts}
    return Command("POST", "/v1/managed-links", body, "LinkCreated.v1", "manager", events=2, key=new_name())


def change_managed_link(house: House) -> Command:
    made = create_managed_link(house).send(house).json()
    path, body = f"/v1/managed-links/{made['id']}", {"name": "Whole team", "slug": new_name()}
    return Command("PATCH", path, body, "ManagedLinkUpdated.v1", "manager", 200, if_match='"1"')


def erase(house: House) -> Command:
    email = f"{new_name()}@guest.example"
    path = f"/v1/links/{house.link('Talk')['id']}/single-use"
    house.post(path, {"recipients": [{"email": email}] * 2}, "member", 201)
    body = {"email": email}
    return Command("POST", "/v1/erasures", body, "PersonalDetailsErased.v1", "admin", events=3, key=new_name())


def erase_without_key(house: House) -> Command:
    body = {"email": f"{new_name()}@guest.example"}
    return Command("POST", "/v1/erasures", body, "PersonalDetailsErased.v1", "admin")


GUESTS_COMMANDS: tuple[Callable[[House], Command], ...] = (
    book_single_use,
    book_single_use_without_key,
    book_core_link,
    book_core_link_without_key,
    reschedule,
    cancel,
)
PEOPLES_COMMANDS: tuple[Callable[[House], Command], ...] = (
    issue,
    issue_without_key,
    revoke,
    create_link,
    create_link_without_key,
    change_link,
    disable_link,
    delete_link,
    add_person,
    change_person,
    create_meeting_type,
    create_managed_link,
    change_managed_link,
    erase,
    erase_without_key,
)
COMMANDS = GUESTS_COMMANDS + PEOPLES_COMMANDS
