"""What every benchmark stands on: a PostgreSQL of its own, natively or with a 1 ms flush, and an organisation in it."""

import statistics
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from uuid import UUID, uuid4

from api.cli.people import by_operator
from api.clock import now
from api.server import DATABASE, EMBEDDED_SETTINGS, OWNER_ROLE, prepare
from api.services import Oncelink, compose
from api.settings import read_settings
from domain.commands.scheduling import Door, Wish
from domain.commands.single_use_links import Given
from domain.event import Actor, Context
from domain.meeting_type import MeetingTypeProperties
from domain.person import PersonProperties
from projections.rebuild import live_tables
from store.database import Database
from store.embedded.server import Server, running
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
class Ground:
    """An organisation on a running server: a link, and single-use links with a slot for each."""

    oncelink: Oncelink
    link_id: UUID
    julio: UUID
    meeting_type_id: UUID
    half_hours: Iterator[datetime] = field(default_factory=lambda: half_hours())

    def issue(self, count: int, link_id: UUID | None = None) -> list[UUID]:
        """New single-use links."""
        link = self.oncelink.scheduling.offer(link_id or self.link_id, fresh=False).link
        ids: list[UUID] = []
        while len(ids) < count:
            context = Context(now(), Actor(kind="person", id=link.properties.owner_id), uuid4().hex, "api", ROLES)
            given = [Given()] * min(100, count - len(ids))
            ids += self.oncelink.issuing.issue(context, link.id, given, None, {})[1]
        return ids

    def starts(self, count: int) -> list[datetime]:
        """That many free slots, each handed out once: the host has time around the clock, every half hour."""
        return [next(self.half_hours) for _ in range(count)]

    def hire(self, name: str) -> UUID:
        """One more person with time around the clock."""
        email = f"{name}.{uuid4().hex[:8]}@nexora.example"
        person = PersonProperties(name=name, email=email, roles=("member",), time_zone="UTC", weekly_hours=ALWAYS)
        return self.oncelink.staffing.add_person(by_operator(), person).id

    def link_of(self, owner: UUID, co_hosts: Sequence[UUID] = ()) -> UUID:
        """A standard link of somebody's own."""
        own = Context(now(), Actor(kind="person", id=owner), uuid4().hex, "api", frozenset({"member"}))
        properties = {"name": "Intro", "slug": None, "meeting_type_id": self.meeting_type_id, "co_host_ids": co_hosts}
        return self.oncelink.publishing.create_link(own, properties).id

    def shared_link(self, co_hosts: int) -> UUID:
        """A link of a new host with so many new co-hosts."""
        return self.link_of(self.hire("Host"), [self.hire(f"Co-host{number}") for number in range(co_hosts)])

    def book(self, token_id: UUID, start: datetime) -> int:
        """One booking; its position."""
        context = Context(now(), Actor(kind="guest"), uuid4().hex, "web")
        booked = self.oncelink.scheduling.book(context, Door(token_id=token_id), Wish(start, GUEST, uuid4().hex))
        self.oncelink.appended()
        assert booked.position is not None
        return booked.position


def half_hours() -> Iterator[datetime]:
    """Every half hour, from the one after the next on."""
    first = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=2)
    return (first + number * timedelta(minutes=30) for number in count())


@contextmanager
def server(flush: str) -> Iterator[Server]:
    """A PostgreSQL of its own, thrown away afterwards."""
    settings = {**EMBEDDED_SETTINGS, **FLUSHES[flush]}
    with (
        tempfile.TemporaryDirectory(prefix="oncelink-benchmark-") as folder,
        running(Path(folder), settings=settings) as found,
    ):
        prepare(found.url(), found.url(OWNER_ROLE, DATABASE), "oncelink")
        yield found


@contextmanager
def ground(found: Server) -> Iterator[Ground]:
    """The organisation of a benchmark."""
    url = found.url(SERVICE_ROLE, DATABASE)
    settings = read_settings(database_url=url, secret_keys=SECRET)
    database = Database(url).open()
    live_tables.ensure(database)
    oncelink = compose(settings, database)
    context = by_operator()
    hours = {"time_zone": "UTC", "weekly_hours": ALWAYS}
    julio = PersonProperties(name="Julio", email="julio@nexora.example", roles=("member",), **hours)
    person = oncelink.staffing.add_person(context, julio).id
    half_hour = MeetingTypeProperties(name="Intro", duration_minutes=30, booking_window_days=3650)
    meeting_type = oncelink.staffing.create_meeting_type(by_operator(), half_hour).id
    own = Context(now(), Actor(kind="person", id=person), uuid4().hex, "api", frozenset({"member"}))
    link = oncelink.publishing.create_link(own, {"name": "Intro", "slug": None, "meeting_type_id": meeting_type})
    try:
        yield Ground(oncelink, link.id, person, meeting_type)
    finally:
        oncelink.close()


def quantiles(values: Sequence[float]) -> str:
    """Median, 95th percentile and spread of seconds, in milliseconds."""
    ordered = sorted(value * 1000 for value in values)
    p50, p95 = statistics.median(ordered), ordered[int(len(ordered) * 0.95)]
    return f"p50 {p50:.2f} ms, p95 {p95:.2f} ms, {ordered[0]:.2f}–{ordered[-1]:.2f} ms, n={len(ordered)}"
