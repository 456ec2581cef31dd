"""Who may do what: every signed-in route of the document by every role."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests.api.attacks import DOCUMENT
from tests.api.refusals import assert_problem, find_last_position
from tests.api_driver import ApiDriver
from tests.integrations.calendars.feed_server import build_feed, run_feed_server

ROLES = ("member", "manager", "admin", "auditor", "analyst")
ALL = dict.fromkeys(ROLES, 200)
READS_LINKS = ALL | {"analyst": 403}
# What each role is answered about a thing that belongs to the manager and that nobody shared.
OTHERS_LINK = {"member": 404, "manager": 200, "admin": 200, "auditor": 200, "analyst": 403}
OTHERS_LINK_WRITTEN = {"member": 404, "manager": 200, "admin": 200, "auditor": 403, "analyst": 403}
MANAGERS = {"member": 403, "manager": 200, "admin": 200, "auditor": 403, "analyst": 403}
MANAGERS_AND_AUDITORS = MANAGERS | {"auditor": 200}
ADMINS = dict.fromkeys(ROLES, 403) | {"admin": 200}
AUDITORS = ADMINS | {"auditor": 200}
WRITERS = {"member": 200, "manager": 200, "admin": 200, "auditor": 403, "analyst": 403}
MATRIX: dict[str, dict[str, int]] = {
    "add_person": ADMINS,
    "list_people": ALL,
    "get_person": ALL,
    "get_person_impact": MANAGERS_AND_AUDITORS,
    "change_person": ADMINS,
    "deactivate_person": ADMINS,
    "activate_person": ADMINS,
    "invite_person": ADMINS,
    "try_limit_of_person": ADMINS,
    "get_me": ALL,
    "change_me": ALL,
    "list_calendars": ALL,
    "add_calendar": ALL,
    "choose_calendars": dict.fromkeys(ROLES, 404),
    "refresh_calendar": dict.fromkeys(ROLES, 404),
    "remove_calendar": dict.fromkeys(ROLES, 404),
    "create_meeting_type": ADMINS,
    "list_meeting_types": ALL,
    "get_meeting_type": ALL,
    "change_meeting_type": ADMINS,
    "try_limit_of_meeting_type": ADMINS,
    "create_team": MANAGERS,
    "list_teams": ALL,
    "get_team": ALL,
    "change_team": MANAGERS,
    "delete_team": MANAGERS,
    "recount_team": MANAGERS_AND_AUDITORS,
    "get_organisation": ALL,
    "change_organisation": ADMINS,
    "create_link": WRITERS,
    "list_links": READS_LINKS,
    "get_link": OTHERS_LINK,
    "get_impact": OTHERS_LINK,
    "explain_start": OTHERS_LINK,
    "change_link": OTHERS_LINK_WRITTEN,
    "disable_link": OTHERS_LINK_WRITTEN,
    "enable_link": OTHERS_LINK_WRITTEN,
    "delete_link": OTHERS_LINK_WRITTEN,
    "issue_single_use": OTHERS_LINK_WRITTEN,
    "create_managed_link": MANAGERS,
    "list_managed_links": MANAGERS_AND_AUDITORS,
    "get_managed_link": MANAGERS_AND_AUDITORS,
    "change_managed_link": MANAGERS,
    "disable_managed_link": MANAGERS,
    "enable_managed_link": MANAGERS,
    "delete_managed_link": MANAGERS,
    "list_links_of_managed_link": MANAGERS_AND_AUDITORS,
    "list_single_use": READS_LINKS,
    "get_single_use": OTHERS_LINK,
    "revoke_single_use": OTHERS_LINK_WRITTEN,
    "revoke_single_use_links": WRITERS,
    "get_booking": OTHERS_LINK | {"analyst": 200},
    "reschedule_booking": OTHERS_LINK_WRITTEN,
    "cancel_booking": OTHERS_LINK_WRITTEN,
    "reassign_booking": OTHERS_LINK_WRITTEN,
    "replace_link": OTHERS_LINK_WRITTEN,
    "mark_no_show": OTHERS_LINK_WRITTEN,
    "list_mail": OTHERS_LINK | {"analyst": 200},
    "send_mail_again": OTHERS_LINK_WRITTEN,
    "read_meeting_log": ALL,
    "erase_personal_details": ADMINS,
    "read_usage": ALL,
    "get_checkpoint": AUDITORS,
    "get_checkpoint_keys": AUDITORS,
    "get_proof": AUDITORS,
    "start_verification": AUDITORS,
    "get_verification": AUDITORS,
    "create_api_key": ALL,
    "list_api_keys": ALL,
    "get_calendar_feed": ALL,
    "make_calendar_feed": ALL,
    "end_calendar_feed": ALL,
    "list_sessions": ALL,
    "end_session": dict.fromkeys(ROLES, 404),
    "delete_api_key": dict.fromkeys(ROLES, 404) | {"admin": 200},
    "read_access_log": AUDITORS,
    "create_webhook": MANAGERS,
    "list_webhooks": MANAGERS,
    "list_webhook_types": MANAGERS,
    "get_webhook": MANAGERS,
    "change_webhook": MANAGERS,
    "delete_webhook": MANAGERS,
    "test_webhook": MANAGERS,
    "rotate_webhook_secret": MANAGERS,
    "replay_webhook": MANAGERS,
    "list_webhook_deliveries": MANAGERS,
    "list_history": AUDITORS,
    "get_stream_history": AUDITORS,
    "list_links_as_of": AUDITORS,
    "get_link_as_of": AUDITORS,
    "list_single_use_as_of": AUDITORS,
    "get_single_use_as_of": AUDITORS,
    "read_meeting_log_as_of": AUDITORS,
    "get_booking_as_of": AUDITORS,
    "list_unsent_mail": ADMINS,
    "send_unsent_mail_again": ADMINS,
    "list_read_models": ADMINS,
    "get_read_model": ADMINS,
    "follow_progress": ADMINS,
    "rebuild_read_model": ADMINS,
}
ONE_TIME_OPERATIONS = {
    "add_person",
    "create_managed_link",
    "cancel_booking",
    "mark_no_show",
    "replace_link",
    "start_verification",
    "delete_webhook",
}
WEBHOOK = {"url": "https://127.0.0.1:9999/oncelink", "types": ["link.deleted"]}
QUERIES = {
    "explain_start": "?start=2030-01-01T09:00:00Z",
    "get_proof": "?from=0",
    "try_limit_of_person": "?per_day=1",
    "try_limit_of_meeting_type": "?per_day=1",
}
SIGNED_IN = {
    operation["operationId"]: (method.upper(), path)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
    if operation["security"]
}


@pytest.fixture(scope="module")
def calendar_url() -> Iterator[str]:
    """The address of an empty calendar."""
    with run_feed_server() as server:
        server.feeds["/empty.ics"] = build_feed()
        yield server.build_url("/empty.ics")


def create_webhook(api: ApiDriver) -> str:
    """Create a webhook, and remove those before it, as there may be 20 at most. Returns its id."""
    for webhook in api.get("/v1/webhooks", "manager")["items"]:
        api.send_request("DELETE", f"/v1/webhooks/{webhook['id']}", who="manager")
    return str(api.post("/v1/webhooks", WEBHOOK, "manager", 201)["id"])


@pytest.fixture
def targets(shared_api: ApiDriver, calendar_url: str) -> dict[str, Any]:
    """New objects of the manager, and a request body for each operation that needs one."""
    api = shared_api
    link = api.create_link("Manager's own", "manager")
    [token] = api.post(f"/v1/links/{link['id']}/single-use", {}, "manager", 201)["items"]
    start, other_start, *_ = api.list_slots(link["slug"])
    booking = api.book_meeting(link["slug"], start)["booking"]["id"]
    slug = f"m{find_last_position(api)}"
    managed = {"name": "M", "slug": slug, "meeting_type_id": api.ids["type"], "host_ids": [api.ids["engineer"]]}
    ids = {
        "people": api.post(
            "/v1/people", {"name": "P", "email": f"{slug}-p@nexora.example", "time_zone": "UTC"}, "admin", 201
        )["id"],
        "meeting-types": api.ids["type"],
        "teams": api.create_team("engineer")["id"],
        "links": link["id"],
        "managed-links": api.post("/v1/managed-links", managed, "manager", 201)["id"],
        "single-use": token["id"],
        "bookings": booking,
        "me": str(uuid4()),
        "api-keys": api.post("/v1/api-keys", {}, "engineer", 201)["id"],
        "sessions": str(uuid4()),
        "webhooks": create_webhook(api),
        "streams": link["id"],
        "meeting-log": booking,
        "read-models": "links",
    }
    bodies = {
        "add_person": {"name": "New", "email": f"{slug}@nexora.example", "time_zone": "UTC"},
        "change_person": {"name": "Q"},
        "change_me": {},
        "add_calendar": {"url": calendar_url},
        "choose_calendars": {},
        "create_webhook": WEBHOOK,
        "change_webhook": {"active": False},
        "replay_webhook": {"from_position": 0},
        "create_meeting_type": {"name": "T", "duration_minutes": 30},
        "change_meeting_type": {"name": "Intro"},
        "change_organisation": {"name": "Nexora"},
        "create_team": {"name": "T", "members": [{"person_id": api.ids["engineer"]}]},
        "change_team": {"name": "N"},
        "create_link": {"name": "L", "meeting_type_id": api.ids["type"]},
        "change_link": {"name": "N"},
        "issue_single_use": {},
        "create_managed_link": {**managed, "slug": f"{slug}-b"},
        "change_managed_link": {"name": "N"},
        "reschedule_booking": {"start": other_start},
        "revoke_single_use_links": {"ids": [token["id"]]},
        "reassign_booking": {"host_id": api.ids["engineer"]},
        "create_api_key": {},
        "erase_personal_details": {"email": "nobody@guest.example"},
    }
    return {"ids": ids, "bodies": bodies}


def send_operation(api: ApiDriver, targets: dict[str, Any], operation: str, who: str | None) -> Any:
    """Send one operation about the targets as a person."""
    method, path = SIGNED_IN[operation]
    kind = next(part for part in path.split("/")[2:] if part not in ("history", "as-of") or path.endswith(part))
    id = targets["ids"].get(kind, "")
    if "{mail_id}" in path:
        path = path.replace("{mail_id}", api.get(f"/v1/bookings/{id}/mail", "manager")["items"][0]["id"])
    address = path.replace("{id}", id).replace("{name}", id) + QUERIES.get(operation, "")
    address += f"?at={find_last_position(api)}" if "/as-of/" in path else ""
    if operation == "get_verification":
        api.send_request("POST", address, who="admin")  # there must be one to look at
    return api.send_request(method, address, targets["bodies"].get(operation), who)


def test_the_matrix_is_complete() -> None:
    assert MATRIX.keys() == SIGNED_IN.keys()


@pytest.mark.parametrize("operation", MATRIX)
def test_by_role(shared_api: ApiDriver, targets: dict[str, Any], operation: str) -> None:
    """Those who may not come first, so that nothing has changed when those who may come."""
    for who, expected in sorted(MATRIX[operation].items(), key=lambda role_and_status: -role_and_status[1]):
        position_before = find_last_position(shared_api)
        response = send_operation(shared_api, targets, operation, who)
        if expected == 200:
            done_before = operation in ONE_TIME_OPERATIONS and response.status_code in (404, 409)
            assert done_before or response.is_success, f"{who}: {response.status_code} {response.text}"
        else:
            assert_problem(response, expected, "forbidden" if expected == 403 else "not_found")
            assert find_last_position(shared_api) == position_before
    position_before = find_last_position(shared_api)
    assert_problem(send_operation(shared_api, targets, operation, None), 401, "unauthorized")
    assert find_last_position(shared_api) == position_before


def test_several_roles_add_up(shared_api: ApiDriver, targets: dict[str, Any]) -> None:
    shared_api.add_person("both", ["auditor", "member"])
    assert send_operation(shared_api, targets, "get_link", "both").status_code == 200
    assert send_operation(shared_api, targets, "create_link", "both").status_code == 201
    assert_problem(send_operation(shared_api, targets, "change_link", "both"), 403, "forbidden")


def test_a_role_taken_away_ends_at_once(shared_api: ApiDriver, targets: dict[str, Any]) -> None:
    shared_api.add_person("demoted", ["admin"])
    assert send_operation(shared_api, targets, "list_managed_links", "demoted").status_code == 200
    shared_api.patch(f"/v1/people/{shared_api.ids['demoted']}", {"roles": ["member"]}, "admin")
    for operation in ("list_managed_links", "add_person", "change_meeting_type"):
        assert_problem(send_operation(shared_api, targets, operation, "demoted"), 403, "forbidden")
