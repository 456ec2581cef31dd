"""The environment of every benchmark: its own PostgreSQL, natively or with a 1 ms flush, and an organisation in it."""

import statistics
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from uuid import UUID, uuid4

from api.cli.people import build_operator_context
from api.clock import read_clock
from api.composition.root import build_services
from api.server import DATABASE, EMBEDDED_SETTINGS, OWNER_ROLE, prepare_database
from api.services import Services
from api.settings import read_settings
from domain.commands.booking_request import BookingRequest, BookingTarget
from domain.commands.single_use_links import SingleUseDetails
from domain.event import Actor, Context
from domain.meeting_type import MeetingTypeProperties
from domain.person import PersonProperties
from projections.rebuild import live_tables
from store.database import Database
from store.embedded.server import Server, run_server
from store.schema import SERVICE_ROLE

FLUSHES = {
    "native": {},
    # every commit then costs what a cloud disk costs
    "1 ms flush": {"commit_delay": "1000", "commit_siblings": "0"},
}
ALWAYS = dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), (("00:00", "24:00"),))
GUEST = {"guest": {"name": "Grace", "email": "grace@acme.example", "time_zone": "UTC"}, "notes": None}
ROLES = frozenset({"member"})
SECRET = "only-for-benchmarks-only-for-benchmarks"


@dataclass(frozen=True)
class BenchmarkEnvironment:
    """An organisation on a running server: a link, and single-use links with a slot for each."""

    services: Services
    link_id: UUID
    julio: UUID
    meeting_type_id: UUID
    half_hours: Iterator[datetime] = field(default_factory=lambda: iterate_half_hours())

    def issue_single_use_links(self, count: int, link_id: UUID | None = None) -> list[UUID]:
        """Issue single-use links. Return their ids."""
        link = self.services.scheduling.load_offer(link_id or self.link_id, fresh=False).link
        ids: list[UUID] = []
        while len(ids) < count:
            context = Context(
                read_clock(), Actor(kind="person", id=link.properties.owner_id), uuid4().hex, "api", ROLES
            )
            details = [SingleUseDetails()] * min(100, count - len(ids))
            ids += self.services.single_use_links.issue_links(context, link.id, details, None, {})[1]
        return ids

    def take_starts(self, count: int) -> list[datetime]:
        """Take this many free slots, each only once: the host is free around the clock, every half hour."""
        return [next(self.half_hours) for _ in range(count)]

    def add_host(self, name: str) -> UUID:
        """Add a person with time around the clock. Return the id."""
        email = f"{name}.{uuid4().hex[:8]}@nexora.example"
        person = PersonProperties(name=name, email=email, roles=("member",), time_zone="UTC", weekly_hours=ALWAYS)
        return self.services.administration.add_person(build_operator_context(), person).id

    def create_link(self, owner: UUID, co_hosts: Sequence[UUID] = ()) -> UUID:
        """Create a standard link that a person owns. Return the id."""
        context = Context(read_clock(), Actor(kind="person", id=owner), uuid4().hex, "api", frozenset({"member"}))
        properties = {"name": "Intro", "slug": None, "meeting_type_id": self.meeting_type_id, "co_host_ids": co_hosts}
        return self.services.links.create_link(context, properties).id

    def create_shared_link(self, co_hosts: int) -> UUID:
        """Create a link of a new host with this many new co-hosts. Return the id."""
        return self.create_link(
            self.add_host("Host"), [self.add_host(f"Co-host{number}") for number in range(co_hosts)]
        )

    def book_meeting(self, token_id: UUID, start: datetime) -> int:
        """Book one meeting. Return its position."""
        context = Context(read_clock(), Actor(kind="guest"), uuid4().hex, "web")
        result = self.services.scheduling.book_meeting(
            context, BookingTarget(token_id=token_id), BookingRequest(start, GUEST, uuid4().hex)
        )
        self.services.announce_append()
        assert result.position is not None
        return result.position


def iterate_half_hours() -> Iterator[datetime]:
    """Iterate over every half hour, from the one after the next."""
    first = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=2)
    return (first + number * timedelta(minutes=30) for number in count())


@contextmanager
def run_database_server(flush: str) -> Iterator[Server]:
    """Run a PostgreSQL of its own, which is deleted afterwards."""
    settings = {**EMBEDDED_SETTINGS, **FLUSHES[flush]}
    with (
        tempfile.TemporaryDirectory(prefix="oncelink-benchmark-") as folder,
        run_server(Path(folder), settings=settings) as server,
    ):
        prepare_database(server.build_url(), server.build_url(OWNER_ROLE, DATABASE), "oncelink")
        yield server


@contextmanager
def open_environment(server: Server) -> Iterator[BenchmarkEnvironment]:
    """Open the services on the server and create the benchmark's organisation."""
    url = server.build_url(SERVICE_ROLE, DATABASE)
    settings = read_settings(database_url=url, secret_keys=SECRET)
    database = Database(url).open()
    live_tables.ensure_tables(database)
    services = build_services(settings, database)
    context = build_operator_context()
    hours = {"time_zone": "UTC", "weekly_hours": ALWAYS}
    julio = PersonProperties(name="Julio", email="julio@nexora.example", roles=("member",), **hours)
    person = services.administration.add_person(context, julio).id
    meeting_type_properties = MeetingTypeProperties(name="Intro", duration_minutes=30, booking_window_days=3650)
    meeting_type = services.administration.create_meeting_type(build_operator_context(), meeting_type_properties).id
    owner_context = Context(read_clock(), Actor(kind="person", id=person), uuid4().hex, "api", frozenset({"member"}))
    link = services.links.create_link(owner_context, {"name": "Intro", "slug": None, "meeting_type_id": meeting_type})
    try:
        yield BenchmarkEnvironment(services, link.id, person, meeting_type)
    finally:
        services.close()


def format_quantiles(values: Sequence[float]) -> str:
    """Format the median, 95th percentile and spread of seconds, in milliseconds."""
    ordered = sorted(value * 1000 for value in values)
    p50, p95 = statistics.median(ordered), ordered[int(len(ordered) * 0.95)]
    return f"p50 {p50:.2f} ms, p95 {p95:.2f} ms, {ordered[0]:.2f}–{ordered[-1]:.2f} ms, n={len(ordered)}"
