"""Measure a booking over HTTP on a link with a team of 20, against one without: `python -m benchmarks teams`."""

from uuid import UUID, uuid4

from api.clock import read_clock
from benchmarks.environment import FLUSHES, BenchmarkEnvironment, open_environment, run_database_server
from benchmarks.figure import Figure, measure_in_turns
from benchmarks.http.bookings import build_booking_requests, require_all_created, run_service
from benchmarks.http.load import run_load
from domain.event import Actor, Context
from domain.team import TeamMember, TeamProperties
from store.schema import SERVICE_ROLE

BOUND = 1.5
DATABASE = "oncelink"
MEMBERS = 20


def main(rounds: str = "7", count: str = "100") -> None:
    """Measure natively and with a 1 ms flush: the median of bookings, one after the other."""
    for flush in FLUSHES:
        with run_database_server(flush) as server, open_environment(server) as environment:
            url = server.build_url(SERVICE_ROLE, DATABASE)
            with run_service(url, 1) as (port, _):
                print(measure_team(environment, port, int(rounds), int(count), flush), flush=True)


def measure_team(environment: BenchmarkEnvironment, port: int, rounds: int, count: int, flush_mode: str) -> Figure:
    """Measure in turns, after a warm-up. Both links have hosts of their own, free around the clock."""
    with_team, without = create_link_with_team(environment), environment.create_link(environment.add_host("Host"))
    for link_id in (with_team, without):
        measure_booking(environment, port, link_id, count)
    values, floors = measure_in_turns(
        rounds,
        lambda: measure_booking(environment, port, with_team, count),
        lambda: measure_booking(environment, port, without, count),
    )
    name = f"a booking with a team of {MEMBERS}, p50"
    return Figure(name, "ms", values, floors, BOUND, True, "without a team", flush_mode)


def create_link_with_team(environment: BenchmarkEnvironment) -> UUID:
    """Create a link of a new host with a new team. Return its id."""
    host = environment.add_host("Host")
    link_id = environment.create_link(host)
    members = [TeamMember(person_id=environment.add_host(f"Member{number}")) for number in range(MEMBERS)]
    manager = Context(read_clock(), Actor(kind="person", id=host), uuid4().hex, "api", frozenset({"manager", "member"}))
    team = environment.services.teams.create_team(manager, TeamProperties(name="Team", members=tuple(members)))
    environment.services.links.update_link(manager, link_id, {"team_id": team.id})
    return link_id


def measure_booking(environment: BenchmarkEnvironment, port: int, link_id: UUID, count: int) -> float:
    """Measure the median of `count` bookings on one connection, in milliseconds."""
    requests = build_booking_requests(environment, count, link_id)
    return require_all_created(run_load(port, requests, connections=1), count).compute_quantile(0.5) * 1000
