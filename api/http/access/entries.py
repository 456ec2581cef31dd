"""Entries of the access log: a row, and one JSON line for a SIEM."""

import logging
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from api.services import Services
from store.access_log import AccessEntry, AccessKind

if TYPE_CHECKING:
    from fastapi import Request  # commands that serve nothing do not import it

log = logging.getLogger("oncelink.access")


# https://schema.ocsf.io/1.4.0/classes: class name, class uid, activity name
OCSF_CLASSES: Final[dict[AccessKind, tuple[str, int, str]]] = {
    "sign_in": ("Authentication", 3002, "Logon"),
    "sign_in_refused": ("Authentication", 3002, "Logon"),
    "sign_out": ("Authentication", 3002, "Logoff"),
    "identity_bound": ("Account Change", 3001, "Other"),
    "identity_unbound": ("Account Change", 3001, "Other"),
    "key_made": ("Account Change", 3001, "Other"),
    "key_used_from_new_address": ("Authentication", 3002, "Logon"),
    "key_revoked": ("Account Change", 3001, "Other"),
    "export": ("API Activity", 6003, "Read"),
    "bulk_read": ("API Activity", 6003, "Read"),
    "erasure": ("API Activity", 6003, "Delete"),
    "role_change": ("User Access Management", 3005, "Assign Privileges"),
}


def record_access(
    services: Services,
    request: "Request",
    kind: AccessKind,
    actor_id: UUID | None = None,
    person_id: UUID | None = None,
    reason: str | None = None,
    **details: str | int | None,
) -> None:
    """Record one access; `details` hold no personal details. Raises DatabaseAway: it is never left out in silence."""
    client = find_client(request)
    entry = AccessEntry(
        services.clock(), kind, request.scope["request_id"], client, actor_id, person_id, reason, details
    )
    record_entry(services, entry)


def record_operator_access(
    services: Services, kind: AccessKind, person_id: UUID | None = None, **details: str | int | None
) -> None:
    """Record what an operator did on the machine. Raises DatabaseAway."""
    record_entry(services, AccessEntry(services.clock(), kind, "command line", person_id=person_id, details=details))


def record_entry(services: Services, entry: AccessEntry) -> None:
    """Record an entry in the table and as a log line. Raises DatabaseAway."""
    services.access_log.add(entry)
    log_entry(entry)


def log_entry(entry: AccessEntry) -> None:
    """Write the log line of an entry."""
    reason = f" {entry.reason}" if entry.reason else ""
    log.info("access %s%s", entry.kind, reason, extra={"fields": build_line(entry)})


def build_line(entry: AccessEntry) -> dict[str, Any]:
    """Build the fields of the log line, named as OCSF has them. It has ids and no names."""
    class_name, class_uid, activity = OCSF_CLASSES[entry.kind]
    return {
        "event": "access",
        "kind": entry.kind,
        "class_name": class_name,
        "class_uid": class_uid,
        "activity_name": activity,
        "status": "Failure" if entry.reason else "Success",
        "status_detail": entry.reason,
        "time": int(entry.at.timestamp() * 1000),
        "actor": {"user": {"uid": str(entry.actor_id) if entry.actor_id else None}},
        "user": {"uid": str(entry.person_id) if entry.person_id else None},
        "src_endpoint": {"ip": entry.client},
        "request_id": entry.request_id,
        "unmapped": dict(entry.details),
    }


def find_client(request: "Request") -> str | None:
    """Find the address that a request comes from, as a trusted proxy names it."""
    return request.client.host if request.client else None
