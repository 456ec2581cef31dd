"""One request for each command of the service, with its expected status and the events that it appends."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx2

from tests.api_driver import GUEST, ApiDriver, extract_code


@dataclass(frozen=True)
class Command:
    """A request, the status of its success, and the number and type of the events that it appends."""

    method: str
    path: str
    body: Any
    event: str
    who: str | None = None
    status: int = 201
    events: int = 1
    key: str | None = None
    if_match: str | None = None

    def send(self, api: ApiDriver) -> httpx2.Response:
        """Send the request."""
        headers = {"Idempotency_Key": self.key, "If_Match": self.if_match}
        present = {name: value for name, value in headers.items() if value is not None}
        return api.send_request(self.method, self.path, self.body, self.who, **present)


def generate_name() -> str:
    """Generate a name that is not in use."""
    return uuid4().hex[:12]


def build_booking(api: ApiDriver, code: str, key: str | None) -> Command:
    """Build a booking of the first slot of a link."""
    body = {"start": api.list_slots(code, 1)[0], "guest": GUEST, "notes": "By phone, please."}
    return Command("POST", f"/v1/book/{code}", body, "MeetingBooked.v1", key=key)


def issue_single_use_link(api: ApiDriver) -> dict[str, Any]:
    """Issue a single-use link."""
    created = api.post(f"/v1/links/{api.create_link('Talk')['id']}/single-use", {}, "member", 201)
    item: dict[str, Any] = created["items"][0]
    return item


def book_meeting(api: ApiDriver) -> tuple[str, list[str]]:
    """Book a meeting. Return its management path and the times that it can be moved to."""
    code = issue_single_use_link(api)["code"]
    first, *others = api.list_slots(code, 1)
    return f"/v1/manage/{extract_code(api.book_meeting(code, first)['manage_url'])}", others


def book_single_use(api: ApiDriver) -> Command:
    return build_booking(api, issue_single_use_link(api)["code"], generate_name())


def book_single_use_without_key(api: ApiDriver) -> Command:
    return build_booking(api, issue_single_use_link(api)["code"], None)


def book_core_link(api: ApiDriver) -> Command:
    return build_booking(api, api.create_link("Talk")["slug"], generate_name())


def book_core_link_without_key(api: ApiDriver) -> Command:
    return build_booking(api, api.create_link("Talk")["slug"], None)


def reschedule_booking(api: ApiDriver) -> Command:
    page, times = book_meeting(api)
    return Command("POST", f"{page}/reschedule", {"start": times[0]}, "Rescheduled.v1", status=200)


def cancel_booking(api: ApiDriver) -> Command:
    page, _ = book_meeting(api)
    return Command("POST", f"{page}/cancel", {"reason": "Ill"}, "MeetingCancelled.v1", status=200)


def issue_single_use_links(api: ApiDriver) -> Command:
    path = f"/v1/links/{api.create_link('Talk')['id']}/single-use"
    return Command("POST", path, {"count": 3}, "SingleUseIssued.v1", "member", events=3, key=generate_name())


def issue_single_use_links_without_key(api: ApiDriver) -> Command:
    path = f"/v1/links/{api.create_link('Talk')['id']}/single-use"
    return Command("POST", path, {"recipients": [{"name": "Rita"}]}, "SingleUseIssued.v1", "member")


def revoke_single_use_link(api: ApiDriver) -> Command:
    path = f"/v1/single-use/{issue_single_use_link(api)['id']}/revoke"
    return Command("POST", path, {"reason": "Sent by mistake"}, "SingleUseRevoked.v1", "member", 200)


def create_link(api: ApiDriver) -> Command:
    body = {"name": "Talk", "slug": generate_name(), "meeting_type_id": api.ids["type"]}
    return Command("POST", "/v1/links", body, "LinkCreated.v1", "member", key=generate_name())


def create_link_without_key(api: ApiDriver) -> Command:
    body = {"name": "Talk", "slug": generate_name(), "meeting_type_id": api.ids["type"]}
    return Command("POST", "/v1/links", body, "LinkCreated.v1", "member")


def update_link(api: ApiDriver) -> Command:
    link = api.create_link("Talk")
    body = {"name": "Longer talk", "slug": generate_name()}
    return Command("PATCH", f"/v1/links/{link['id']}", body, "LinkUpdated.v1", "member", 200, if_match='"1"')


def disable_link(api: ApiDriver) -> Command:
    path = f"/v1/links/{api.create_link('Talk')['id']}/disable"
    return Command("POST", path, None, "LinkDisabled.v1", "member", 200)


def delete_link(api: ApiDriver) -> Command:
    path = f"/v1/links/{api.create_link('Talk')['id']}"
    return Command("DELETE", path, None, "LinkDeleted.v1", "member", 204, if_match='"1"')


def add_person(api: ApiDriver) -> Command:
    body = {"name": "Nora", "email": f"{generate_name()}@nexora.example", "time_zone": "UTC"}
    return Command("POST", "/v1/people", body, "PersonAdded.v1", "admin", key=generate_name())


def update_person(api: ApiDriver) -> Command:
    person = add_person(api).send(api).json()
    body = {"email": f"{generate_name()}@nexora.example"}
    return Command("PATCH", f"/v1/people/{person['id']}", body, "PersonUpdated.v1", "admin", 200, if_match='"1"')


def create_meeting_type(api: ApiDriver) -> Command:
    body = {"name": "Deep dive", "duration_minutes": 60}
    return Command("POST", "/v1/meeting-types", body, "MeetingTypeCreated.v1", "admin", key=generate_name())


def create_managed_link(api: ApiDriver) -> Command:
    hosts = [api.ids["member"], api.ids["engineer"]]
    body = {"name": "Team", "slug": generate_name(), "meeting_type_id": api.ids["type"], "host_ids": hosts}
    return Command("POST", "/v1/managed-links", body, "LinkCreated.v1", "manager", events=2, key=generate_name())


def update_managed_link(api: ApiDriver) -> Command:
    link = create_managed_link(api).send(api).json()
    path, body = f"/v1/managed-links/{link['id']}", {"name": "Whole team", "slug": generate_name()}
    return Command("PATCH", path, body, "ManagedLinkUpdated.v1", "manager", 200, if_match='"1"')


def erase_personal_details(api: ApiDriver) -> Command:
    email = f"{generate_name()}@guest.example"
    path = f"/v1/links/{api.create_link('Talk')['id']}/single-use"
    api.post(path, {"recipients": [{"email": email}] * 2}, "member", 201)
    body = {"email": email}
    return Command("POST", "/v1/erasures", body, "PersonalDetailsErased.v1", "admin", events=3, key=generate_name())


def erase_personal_details_without_key(api: ApiDriver) -> Command:
    body = {"email": f"{generate_name()}@guest.example"}
    return Command("POST", "/v1/erasures", body, "PersonalDetailsErased.v1", "admin")


GUEST_COMMANDS: tuple[Callable[[ApiDriver], Command], ...] = (
    book_single_use,
    book_single_use_without_key,
    book_core_link,
    book_core_link_without_key,
    reschedule_booking,
    cancel_booking,
)
SIGNED_IN_COMMANDS: tuple[Callable[[ApiDriver], Command], ...] = (
    issue_single_use_links,
    issue_single_use_links_without_key,
    revoke_single_use_link,
    create_link,
    create_link_without_key,
    update_link,
    disable_link,
    delete_link,
    add_person,
    update_person,
    create_meeting_type,
    create_managed_link,
    update_managed_link,
    erase_personal_details,
    erase_personal_details_without_key,
)
COMMANDS = GUEST_COMMANDS + SIGNED_IN_COMMANDS
