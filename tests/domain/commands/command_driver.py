"""A driver of all commands over a log in memory, with some people, a meeting type and a link."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from domain.commands.aggregate_cache import AggregateCache
from domain.commands.booking_request import BookingRequest, BookingResult, BookingTarget
from domain.commands.command_application import CommandApplication
from domain.commands.erasure import ErasureCommands
from domain.commands.links import LinkCommands
from domain.commands.notifications import NotificationCommands
from domain.commands.people import AdministrationCommands
from domain.commands.reassignment import ReassignmentCommands
from domain.commands.scheduling import SchedulingCommands
from domain.commands.single_use_links import SingleUseDetails, SingleUseLinkCommands
from domain.commands.teams import TeamCommands
from domain.event import Actor, Context
from domain.meeting_type import MeetingTypeProperties
from domain.permissions import expand_roles
from domain.person import PersonProperties
from domain.token import Token
from integrations.public_holidays import list_holidays
from tests.domain.commands.memory_log import MemoryLog
from tests.domain.example import NOW

START = NOW + timedelta(days=1)
LATER = START + timedelta(hours=1)
NOBODY = UUID(int=0)
SECRETS = ("the first secret", "the second secret")
GUEST = {"name": "Ada", "email": "ada@guest.example", "time_zone": "UTC"}


@dataclass
class CommandDriver:
    """The commands of one process over a log, and the ids of the organisation that they work on."""

    log: MemoryLog
    application: CommandApplication
    julio: UUID = NOBODY
    anna: UUID = NOBODY
    founder: UUID = NOBODY
    meeting_type: UUID = NOBODY
    link: UUID = NOBODY

    def __post_init__(self) -> None:
        self.administration = AdministrationCommands(self.application, list_holidays)
        self.links = LinkCommands(self.application)
        self.teams = TeamCommands(self.application)
        self.single_use_links = SingleUseLinkCommands(self.application)
        self.scheduling = SchedulingCommands(self.application)
        self.reassignment = ReassignmentCommands(self.application)
        self.notifications = NotificationCommands(self.application)
        self.erasure = ErasureCommands(self.application, SECRETS)

    def build_context(self, person: UUID | None = None, role: str = "member", now: datetime = NOW) -> Context:
        """Build the context of a person, Julio unless another is given, in a new request."""
        actor = Actor(kind="person", id=person or self.julio)
        return Context(now, actor, uuid4().hex, "api", expand_roles([role]))

    def build_admin_context(self) -> Context:
        """Build the context of the founder, who is an admin."""
        return self.build_context(self.founder, "admin")

    def build_guest_context(self, now: datetime = NOW) -> Context:
        """Build the context of a guest, in a new request."""
        return Context(now, Actor(kind="guest"), uuid4().hex)

    def add_person(self, name: str, **properties: Any) -> UUID:
        """Add a person in office hours, UTC."""
        fields = {"name": name, "email": f"{name}@nexora.example".lower(), "time_zone": "UTC", "roles": ("member",)}
        return self.administration.add_person(self.build_admin_context(), PersonProperties(**fields | properties)).id

    def create_link(self, slug: str = "intro", **values: Any) -> UUID:
        """Publish a link of Julio's."""
        fields = {"name": "Intro", "slug": slug, "meeting_type_id": self.meeting_type, **values}
        return self.links.create_link(self.build_context(), fields).id

    def issue_token(self, email: str = "ada@guest.example") -> UUID:
        """Issue one single-use link of Julio's link."""
        details = [SingleUseDetails({"name": "Ada", "email": email})]
        return self.single_use_links.issue_links(self.build_context(), self.link, details, None, {})[1][0]

    def book(self, token: UUID | None = None, start: datetime = START, **fields: Any) -> BookingResult:
        """Book a meeting by a single-use link, a new one unless given, or by a `slug`; with or without a `key`."""
        slug, context = fields.pop("slug", None), fields.pop("context", None) or self.build_guest_context()
        target = BookingTarget(slug=slug) if slug else BookingTarget(token or self.issue_token())
        request = BookingRequest(start, {"guest": GUEST | fields.pop("guest", {}), "notes": None}, **fields)
        return self.scheduling.book_meeting(context, target, request)

    def load_token(self, id: UUID) -> Token:
        """Load a token from the log."""
        return self.application.load_aggregate(Token, id)

    def count_events(self) -> int:
        """Count the events of the log."""
        return len(self.log.list_events())

    def start_other_process(self) -> "CommandDriver":
        """Return the commands of another process: a cache of its own over the same log."""
        application = CommandApplication(self.log, self.log, AggregateCache())
        ids = (self.julio, self.anna, self.founder, self.meeting_type, self.link)
        return CommandDriver(self.log, application, *ids)


def create_command_driver() -> CommandDriver:
    """Create a driver with two members, an admin, a meeting type of half an hour, and Julio's link `intro`."""
    log = MemoryLog()
    driver = CommandDriver(log, CommandApplication(log, log, AggregateCache()))
    driver.founder = driver.add_person("Founder", roles=("admin",))
    driver.julio = driver.add_person("Julio")
    driver.anna = driver.add_person("Anna")
    properties = MeetingTypeProperties(name="Intro", duration_minutes=30)
    driver.meeting_type = driver.administration.create_meeting_type(driver.build_admin_context(), properties).id
    driver.link = driver.create_link()
    return driver
