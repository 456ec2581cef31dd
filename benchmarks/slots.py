"""The slots of a month as a guest gets them, against judging every candidate of the grid by itself, in turns.

`python -m benchmarks slots [ROUNDS]` ends with 1 when a bound is not held.
"""

import statistics
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psycopg

from api.server import DATABASE
from api.v1.guest_booking import list_slots
from api.v1.response_models import Slot, Slots
from benchmarks.environment import BenchmarkEnvironment, open_environment, run_database_server
from benchmarks.figure import Figure, measure_in_turns
from benchmarks.sizes import DEFAULT, Sizes
from domain.availability.grid import iterate_grid
from domain.availability.hours import Interval, list_working_intervals, merge_intervals
from domain.commands.booking_request import BookingTarget
from domain.event import Actor, Context
from domain.offer import LinkOffer, build_days_interval, pad_interval
from store.embedded.server import Server

INSERT_RESERVATIONS = """
INSERT INTO {schema}.reservations (booking_id, host_id, during)
SELECT gen_random_uuid(), %(host)s, tstzrange(start, start + interval '30 minutes')
FROM (SELECT %(from)s + n * interval '90 minutes' AS start FROM generate_series(0, %(count)s - 1) n) AS slot
"""
DAYS = 31


@dataclass(frozen=True)
class MonthOfSlots:
    """A link of three hosts who all have bookings, and a month that a guest looks at."""

    environment: BenchmarkEnvironment
    slug: str
    first: datetime

    def answer_shared(self) -> int:
        """Answer as the route does. Return the bytes."""
        first, last = self.first.date(), (self.first + timedelta(days=DAYS - 1)).date()
        return len(list_slots(self.environment.services, build_guest_context(), self.slug, first, last, "UTC").body)

    def answer_computed(self) -> int:
        """Answer as the route does when nothing is shared. Return the bytes."""
        self.environment.services.shared_answers.answers.clear()
        self.environment.services.shared_answers.size = 0
        return self.answer_shared()

    def answer_by_candidates(self) -> int:
        """Answer with every candidate judged, and every slot validated twice, as FastAPI does. Return the bytes."""
        services, now = self.environment.services, datetime.now(UTC)
        _, offer = services.scheduling.resolve_target(BookingTarget(slug=self.slug))
        within = build_days_interval(self.first.date(), (self.first + timedelta(days=DAYS - 1)).date(), "UTC")
        unavailable = services.reader.find_unavailable_intervals(offer.host_ids, pad_interval(within))
        slots = [Slot(start=slot.start, end=slot.end) for slot in iterate_judged(offer, within, unavailable, now)]
        answer = Slots(time_zone="UTC", slots=slots, next_from=None)
        return len(Slots.model_validate(answer.model_dump()).model_dump_json())


def iterate_judged(
    offer: LinkOffer, within: Interval, unavailable: Sequence[Interval], now: datetime
) -> Iterator[Interval]:
    """Iterate over the slots that pass four checks, one candidate after the other."""
    rules, hosts = offer.meeting_type.properties.rules, [host.working_hours for host in offer.hosts]
    days = within.start.date() - timedelta(days=1), within.end.date() + timedelta(days=2)
    working = [list_working_intervals(host, *days) for host in hosts]
    working_starts = [[piece.start for piece in pieces] for pieces in working]
    merged = merge_intervals(unavailable)
    busy_starts = [busy.start for busy in merged]
    for run in iterate_grid(hosts[0], rules.step, within.start, within.end):
        for start in run.list_starts():
            slot = Interval(start, start + rules.duration)
            reserved = Interval(start - rules.buffer_before, slot.end + rules.buffer_after)
            busy = bisect_left(busy_starts, reserved.end) - 1
            indexes = [bisect_right(starts, slot.start) - 1 for starts in working_starts]
            if (
                within.start <= start < within.end
                and now + rules.minimum_notice <= start <= now + rules.booking_window
                and all(i >= 0 and slot.end <= pieces[i].end for i, pieces in zip(indexes, working, strict=True))
                and (busy < 0 or reserved.start >= merged[busy].end)
            ):
                yield slot


def build_guest_context() -> Context:
    """The context of a guest who looks now."""
    return Context(datetime.now(UTC), Actor(kind="guest"), uuid4().hex, "web")


def measure_slots_of_a_month(
    environment: BenchmarkEnvironment, server: Server, sizes: Sizes, flush_mode: str
) -> Iterator[Figure]:
    """Measure the milliseconds to answer with the slots of a month, with and without sharing the answer."""
    month = create_month(environment, server, sizes)
    assert month.answer_shared() == month.answer_computed() == month.answer_by_candidates()
    for name, answer, bound in (("", month.answer_shared, 0.4), (", nothing shared", month.answer_computed, 0.8)):
        values, floors = measure_in_turns(
            sizes.rounds,
            lambda answer=answer: measure_median(answer, sizes.repetitions),  # type: ignore[misc]
            lambda: measure_median(month.answer_by_candidates, sizes.repetitions),
        )
        title = f"slots of a month, three hosts with {sizes.bookings_per_host} bookings each, p50{name}"
        yield Figure(title, "ms", values, floors, bound, True, floor="every candidate judged", flush_mode=flush_mode)


def create_month(environment: BenchmarkEnvironment, server: Server, sizes: Sizes) -> MonthOfSlots:
    """Create a link with two co-hosts, and bookings of all three."""
    first = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    link = environment.create_shared_link(2)
    offer = environment.services.scheduling.load_offer(link, fresh=True)
    for number, host in enumerate(offer.host_ids):
        start = first + timedelta(minutes=30 * (number % 2))
        reserve_half_hours(environment, server, host, start, sizes.bookings_per_host)
    return MonthOfSlots(environment, offer.link.properties.slug, first)


def reserve_half_hours(
    environment: BenchmarkEnvironment, server: Server, host: UUID, start: datetime, count: int
) -> None:
    """Reserve this many half hours of a host, one every hour and a half."""
    with psycopg.connect(server.build_url(database=DATABASE), autocommit=True) as connection:
        text = environment.services.database.compose_query(INSERT_RESERVATIONS)
        connection.execute(text, {"host": host, "from": start, "count": count})


def measure_median(action: Callable[[], object], repetitions: int) -> float:
    """Measure the milliseconds of an action, the median of its repetitions."""
    seconds = []
    for _ in range(repetitions):
        started_at = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - started_at)
    return statistics.median(seconds) * 1000


def main(rounds: str = "5") -> None:
    """Measure and print; exit with 1 unless the bounds hold."""
    sizes = Sizes(**{**DEFAULT.__dict__, "rounds": int(rounds)})
    with run_database_server("native") as server, open_environment(server) as environment:
        environment.services.follower.stop()
        figures = list(measure_slots_of_a_month(environment, server, sizes, "native"))
    for figure in figures:
        print(figure)
    raise SystemExit(0 if all(figure.is_within_bound for figure in figures) else 1)
