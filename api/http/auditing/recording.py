"""Records what people do who are signed in: with their account, with others' rights, and what they take along."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from fastapi import Request

from api.http.access.entries import find_client, log_entry, record_access
from api.http.dependencies import Caller, get_request_id
from api.services import Services
from domain.person import Person
from store.access_log import AccessEntry, AccessKind

BULK_READ_PERIOD = timedelta(hours=1)


def record_own_access(
    services: Services, request: Request, caller: Caller, kind: AccessKind, **details: str | int | None
) -> None:
    """Record what somebody did with their own account, or took along. Raises DatabaseAway."""
    record_access(services, request, kind, caller.person.id, caller.person.id, None, **details)


def record_bulk_read(services: Services, request: Request, caller: Caller, what: str) -> None:
    """Record that somebody reads in bulk, once an hour for each thing that they read. Raises DatabaseAway."""
    entry = AccessEntry(
        services.clock(),
        "bulk_read",
        get_request_id(request),
        find_client(request),
        caller.person.id,
        caller.person.id,
        details={"what": what},
    )
    if services.access_log.add_once(entry, BULK_READ_PERIOD):
        log_entry(entry)


@contextmanager
def watch_role_change(services: Services, request: Request, caller: Caller, person_id: UUID) -> Iterator[None]:
    """Record that what happens inside changed somebody's roles, if it did. Raises DatabaseAway."""
    before = load_roles(services, person_id)
    yield
    after = load_roles(services, person_id)
    if after != before:
        record_access(services, request, "role_change", caller.person.id, person_id, roles=" ".join(sorted(after)))


def load_roles(services: Services, person_id: UUID) -> frozenset[str]:
    """Load a person's roles; none for somebody unknown."""
    person = services.administration.load_aggregates([person_id]).get(person_id)
    return frozenset(person.properties.roles) if isinstance(person, Person) else frozenset()
