"""The sample organisation Nexora Systems, made once: whatever of it is missing is completed, and nothing doubles."""

from datetime import datetime, timedelta
from typing import get_args

from api.demo.meetings import Meetings
from api.demo.organisation import FOUNDER, PEOPLE, SamplePerson, furnish_house
from api.services import Oncelink
from domain.person import Role
from domain.refusals import Refusal

AGE = timedelta(days=35)  # of the organisation, on the day of the first run


class AnotherOrganisation(Refusal):
    """This database holds an organisation already, and the sample's people do not belong in it: use another one."""


def furnish(oncelink: Oncelink, now: datetime) -> list[SamplePerson]:
    """Makes the sample organisation, or what is missing of it; one person for each role.

    Its days are relative to the first run. Raises AnotherOrganisation, TryAgain.
    """
    today = first_run(oncelink) or now
    links = furnish_house(oncelink, today - AGE, today)
    Meetings(oncelink, links, today).tell()
    oncelink.appended()
    return [next(person for person in PEOPLE.values() if person.role == role) for role in get_args(Role)]


def first_run(oncelink: Oncelink) -> datetime | None:
    """When the sample was begun, as its first event tells; None when it was not. Raises AnotherOrganisation."""
    beginning = oncelink.reader.events_after({FOUNDER.id: 0}).get(FOUNDER.id)
    if beginning:
        return beginning[0].occurred_at + AGE
    if oncelink.scheduling.recorder.max_notification_id():
        raise AnotherOrganisation
    return None
