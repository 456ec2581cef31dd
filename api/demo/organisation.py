"""The sample organisation's people, meeting types, links and managed link."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

from api.services import Services
from domain.event import Actor, Context, Source
from domain.managed_link import ManagedLink, ManagedLinkProperties
from domain.meeting_type import MeetingTypeProperties
from domain.permissions import expand_roles
from domain.person import OFFICE_HOURS, DayHours, PersonProperties, Role
from domain.questions import Question
from domain.team import TeamMember, TeamProperties

AUTHOR = Actor(kind="system", id=UUID("6e65786f-7261-4073-8973-74656d732e21"))
WITH_LUNCH: dict[str, DayHours] = dict.fromkeys(OFFICE_HOURS, (("09:00", "12:30"), ("13:30", "18:00")))
SHORT_FRIDAY: dict[str, DayHours] = WITH_LUNCH | {"fri": (("09:00", "13:00"),)}
WEB_WEEK_ENDED = timedelta(days=4)


@dataclass(frozen=True)
class SamplePerson:
    """A person of the sample; the id is derived from the key, so that a second run finds them."""

    key: str
    name: str
    title: str
    role: Role
    time_zone: str
    weekly_hours: dict[str, DayHours] = field(default_factory=lambda: OFFICE_HOURS)

    @property
    def id(self) -> UUID:
        """The same in every sample."""
        return derive_id(AUTHOR, self.key)

    @property
    def email(self) -> str:
        """An address that nobody can have (RFC 2606)."""
        return f"{self.key}@nexora.example"

    def derive_created_id(self, key: str) -> UUID:
        """Derive the id of what this person created with an idempotency key."""
        return derive_id(Actor(kind="person", id=self.id), key)

    def build_context(self, instant: datetime, source: Source = "web") -> Context:
        """Build the context of this person's command at an instant, which may be past."""
        return Context(instant, Actor(kind="person", id=self.id), uuid4().hex, source, expand_roles([self.role]))


PEOPLE = {
    person.key: person
    for person in (
        SamplePerson("tomasz", "Tomasz Zieliński", "head of operations", "admin", "Europe/Warsaw"),
        SamplePerson("julio", "Julio Ferreira", "account executive", "member", "Europe/Lisbon", WITH_LUNCH),
        SamplePerson("mira", "Mira Lindqvist", "sales engineer", "member", "Europe/Stockholm", WITH_LUNCH),
        SamplePerson("noor", "Noor Haddad", "sales engineer", "member", "Europe/Madrid", WITH_LUNCH),
        SamplePerson("sam", "Sam Whitfield", "account executive", "member", "America/New_York"),
        SamplePerson("priya", "Priya Raman", "account executive", "member", "Asia/Kolkata", SHORT_FRIDAY),
        SamplePerson("claire", "Claire Dubois", "sales manager", "manager", "Europe/Paris", SHORT_FRIDAY),
        SamplePerson("ingrid", "Ingrid Haugen", "compliance auditor", "auditor", "Europe/Oslo"),
        SamplePerson("wei", "Wei Chen", "revenue analyst", "analyst", "Asia/Singapore"),
    )
}
FOUNDER = PEOPLE["tomasz"]
JULIO = PEOPLE["julio"]
TYPES = {
    "discovery": MeetingTypeProperties(
        name="Discovery call",
        description="Half an hour about what you need, and whether Nexora is the right answer to it.",
        duration_minutes=30,
        location="Video call",
        minimum_notice_minutes=120,
    ),
    "deep-dive": MeetingTypeProperties(
        name="Technical deep dive",
        description="An hour with a sales engineer: architecture, security, integrations. Bring your questions.",
        duration_minutes=60,
        location="Video call with a shared screen",
        buffer_before_minutes=15,
        buffer_after_minutes=15,
        minimum_notice_minutes=24 * 60,
        booking_window_days=45,
        slot_step_minutes=30,
        questions=(
            Question(
                key="topics",
                label="What should we look at?",
                kind="many_of",
                options=("Architecture", "Security", "Integrations", "Migration"),
            ),
            Question(key="engineers", label="How many engineers will use it?", kind="number"),
        ),
    ),
}
TEAM = {"mira": 2, "noor": 1}  # sales engineers, with their weights
TOUR_HOSTS = ("julio", "sam", "priya")
ORGANISATION = {
    "name": "Nexora Systems",
    "time_zone": "Europe/Berlin",
    "support_contact": "hello@nexora.example",
    "privacy_url": "https://nexora.example/privacy",
    "imprint_url": "https://nexora.example/imprint",
}


def derive_id(actor: Actor, key: str) -> UUID:
    """Derive the id of what an actor creates with an idempotency key."""
    assert actor.id is not None
    return uuid5(actor.id, key)


def describe_organisation(services: Services, began: datetime) -> None:
    """Give the organisation its name and contact, unless somebody described it already."""
    if services.organisation.load_organisation().version == 0:
        context = Context(began, AUTHOR, uuid4().hex, "cli", frozenset({"admin"}))
        services.organisation.update_organisation(context, ORGANISATION)


def create_organisation(services: Services, began: datetime, today: datetime) -> dict[str, UUID]:
    """Create the missing people, meeting types and links as of the day it began; returns link ids by name."""
    describe_organisation(services, began)
    for number, person in enumerate(PEOPLE.values()):
        context = Context(began + timedelta(minutes=number), AUTHOR, uuid4().hex, "cli", frozenset({"admin"}))
        services.administration.add_person(context, build_properties(person, today), person.key)
        services.onboarding.mark_done(person.id, ("finished",), today)
    context_of_founder = FOUNDER.build_context(began + timedelta(hours=1))
    type_ids = {
        key: services.administration.create_meeting_type(context_of_founder, kind, key).id
        for key, kind in TYPES.items()
    }
    day = began + timedelta(days=1)
    team_id = create_team(services, day)
    return {
        **create_standard_links(services, type_ids, team_id, day, today),
        **create_tour_links(services, type_ids["discovery"], day),
    }


def build_properties(person: SamplePerson, today: datetime) -> PersonProperties:
    """Build a person's properties: Julio has a day off, and works on the Saturday after it."""
    day_off = today.date() + timedelta(days=9 - today.weekday())
    overrides: dict[str, DayHours] = {
        day_off.isoformat(): (),
        (day_off + timedelta(days=3)).isoformat(): (("10:00", "13:00"),),
    }
    return PersonProperties(
        name=person.name,
        email=person.email,
        time_zone=person.time_zone,
        roles=(person.role,),
        weekly_hours=person.weekly_hours,
        date_overrides=overrides if person is JULIO else {},
    )


def create_team(services: Services, day: datetime) -> UUID:
    """Create the team of sales engineers, of whom one joins Julio's meetings about architecture."""
    members = tuple(TeamMember(person_id=PEOPLE[key].id, weight=weight) for key, weight in TEAM.items())
    properties = TeamProperties(name="Sales engineering", members=members)
    return services.teams.create_team(PEOPLE["claire"].build_context(day), properties, "sales-engineering").id


def create_standard_links(
    services: Services, type_ids: Mapping[str, UUID], team_id: UUID, day: datetime, today: datetime
) -> dict[str, UUID]:
    """Create standard links: plain, with a co-host, with a team, in the library, and an expired one."""

    def publish(owner: str, key: str, name: str, kind: str, **more: Any) -> UUID:
        properties = {"name": name, "slug": key, "meeting_type_id": type_ids[kind], **more}
        return services.links.create_link(PEOPLE[owner].build_context(day), properties, key).id

    mira = PEOPLE["mira"].id
    return {
        "julio": publish("julio", "julio", "Discovery call with Julio", "discovery"),
        "deep-dive": publish("julio", "julio-deep-dive", "Deep dive", "deep-dive", co_host_ids=(mira,)),
        "architecture": publish("julio", "julio-architecture", "Architecture review", "deep-dive", team_id=team_id),
        "ask": publish("mira", "ask-an-engineer", "Ask a sales engineer", "discovery", in_library=True),
        "web-week": publish(
            "julio", "web-week-lisbon", "Web Week Lisbon", "discovery", expires_at=today - WEB_WEEK_ENDED
        ),
    }


def create_tour_links(services: Services, meeting_type_id: UUID, day: datetime) -> dict[str, UUID]:
    """Create the manager's managed link; returns each host's own link of it."""
    hosts = tuple(PEOPLE[host].id for host in TOUR_HOSTS)
    properties = ManagedLinkProperties(
        name="Product tour", slug="product-tour", meeting_type_id=meeting_type_id, host_ids=hosts
    )
    context = PEOPLE["claire"].build_context(day + timedelta(hours=2))
    outcome = services.links.create_managed_link(context, properties, "product-tour", {})
    links = services.links.load_aggregate(ManagedLink, outcome.id).properties.links
    return {f"tour-{host}": links[PEOPLE[host].id] for host in TOUR_HOSTS if PEOPLE[host].id in links}
