"""The sample organisation Nexora Systems; a second run adds only what is missing."""

from datetime import datetime, timedelta
from typing import get_args

from api.demo.meetings import SampleBookings
from api.demo.organisation import FOUNDER, PEOPLE, SamplePerson, create_organisation
from api.services import Services
from domain.person import Role
from domain.refusals import Refusal

ORGANISATION_AGE = timedelta(days=35)  # of the organisation, on the day of the first run


class AnotherOrganisation(Refusal):
    """This database holds an organisation already, and the sample's people do not belong in it: use another one."""


def create_sample(services: Services, now: datetime) -> list[SamplePerson]:
    """Create the sample organisation, or what is missing of it; returns one person for each role.

    Its days are relative to the first run. Raises AnotherOrganisation, TryAgain.
    """
    today = find_first_run(services) or now
    links = create_organisation(services, today - ORGANISATION_AGE, today)
    SampleBookings(services, links, today).create_missing()
    services.announce_append()
    return [next(person for person in PEOPLE.values() if person.role == role) for role in get_args(Role)]


def find_first_run(services: Services) -> datetime | None:
    """Find the instant of the first run in its first event; None before it. Raises AnotherOrganisation."""
    events = services.reader.read_events_after({FOUNDER.id: 0}).get(FOUNDER.id)
    if events:
        return events[0].occurred_at + ORGANISATION_AGE
    if services.reader.find_last_log_position() is not None:
        raise AnotherOrganisation
    return None
