"""Teams under races: `python -m tests.torture.fairness`. Processes book at once while members leave and come."""

import argparse
import multiprocessing
import random
import sys
import time
from collections import Counter
from datetime import datetime
from fractions import Fraction
from itertools import count
from uuid import UUID, uuid4

from api.clock import read_clock
from api.composition.root import build_services
from api.server import DATABASE
from api.settings import read_settings
from benchmarks.environment import GUEST, SECRET, BenchmarkEnvironment, open_environment, run_database_server
from domain.commands.booking_request import BookingRequest, BookingTarget
from domain.event import Actor, Context
from domain.refusals import TryAgain
from domain.team import TeamMember, TeamProperties
from replay.verify.verification import run_verification
from store.database import Database
from store.embedded.server import Server
from store.schema import SERVICE_ROLE
from tests.once.deadlocks import count_deadlocks

WEIGHTS = (1, 1, 2, 3, 1, 2, 1)
CHANGE_SECONDS = 0.2  # between two changes of the team
TALLIES = "SELECT person_id, count FROM {schema}.member_tallies WHERE team_id = %s"

Work = list[tuple[UUID, datetime]]


def main() -> int:
    """Run it. Exit code 1 when a promise was broken, else 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture.fairness", description=__doc__)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--bookings", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with run_database_server("native") as server:
        problems = find_problems(server, options.processes, options.bookings, options.seed)
    print("\n".join(problems) or "fair, nobody twice, every choice recounted, no deadlock")
    return 1 if problems else 0


def find_problems(server: Server, processes: int, bookings: int, seed: int) -> list[str]:
    """Book in processes of their own on links with the same team and two hosts each. Return what went wrong."""
    superuser_url = server.build_url(database=DATABASE)
    with open_environment(server) as environment:
        weights = create_weights(environment)
        team_id = create_team(environment, weights)
        work = prepare_work(environment, team_id, processes, bookings)
        url, began = server.build_url(SERVICE_ROLE, DATABASE), time.perf_counter()
        with multiprocessing.get_context("spawn").Pool(processes) as pool:
            outcome = pool.starmap_async(book_all, [(url, part) for part in work])
            changes = change_team_until(environment, team_id, weights, outcome.ready, seed)
            retries = sum(outcome.get(), Counter())
        seconds = time.perf_counter() - began
        shares = compute_shares(environment, team_id, weights)
        spread = max(shares.values()) - min(shares.values())
        print(
            f"{bookings} bookings by {processes} processes in {seconds:.0f} s, {changes} changes of the team, "
            f"{retries['try_again']} asked to try again; counts by weight differ by {float(spread):.2f}",
            flush=True,
        )
        problems = [f"the counts of two members, by weight, differ by {spread}: {shares}"] if spread > 1 else []
        problems += [str(problem) for problem in run_verification(environment.services.database).problems]
    deadlocks = count_deadlocks(superuser_url)
    return problems + [f"{deadlocks} deadlocks"] * (deadlocks > 0)


def create_weights(environment: BenchmarkEnvironment) -> dict[UUID, int]:
    """Create the members of the team, free around the clock. Return the weight of each."""
    return {environment.add_host(f"Member{number}"): weight for number, weight in enumerate(WEIGHTS)}


def create_team(environment: BenchmarkEnvironment, weights: dict[UUID, int]) -> UUID:
    """Create the team. Return its id."""
    properties = TeamProperties(name="Engineers", members=build_members(weights))
    return environment.services.teams.create_team(build_manager_context(environment), properties).id


def build_members(weights: dict[UUID, int], *left_ids: UUID) -> tuple[TeamMember, ...]:
    """Build the members without those who left."""
    return tuple(TeamMember(person_id=id, weight=weight) for id, weight in weights.items() if id not in left_ids)


def build_manager_context(environment: BenchmarkEnvironment) -> Context:
    """Build the context of a manager, in a new request."""
    actor = Actor(kind="person", id=environment.julio)
    return Context(read_clock(), actor, uuid4().hex, "api", frozenset({"member", "manager"}))


def prepare_work(environment: BenchmarkEnvironment, team_id: UUID, processes: int, bookings: int) -> list[Work]:
    """Prepare single-use links and times: each process has a link of its own, with two hosts of its own."""
    work = []
    for number in range(processes):
        link_id = environment.create_link(environment.add_host("Host"), [environment.add_host("Co-host")])
        environment.services.links.update_link(build_manager_context(environment), link_id, {"team_id": team_id})
        size = bookings // processes + (number < bookings % processes)
        tokens = environment.issue_single_use_links(size, link_id)
        work.append(list(zip(tokens, environment.take_starts(size), strict=True)))
    return work


def book_all(url: str, work: Work) -> Counter[str]:
    """Book all meetings of one process. Return how often it was asked to try again."""
    database = Database(url).open()
    services = build_services(read_settings(database_url=url, secret_keys=SECRET), database)
    retries: Counter[str] = Counter()
    try:
        for token, start in work:
            request = BookingRequest(start, GUEST, uuid4().hex)
            for attempt in count():
                context = Context(read_clock(), Actor(kind="guest"), uuid4().hex, "web")
                try:
                    services.scheduling.book_meeting(context, BookingTarget(token), request)
                    break
                except TryAgain:
                    retries["try_again"] += 1
                    assert attempt < 50, "a booking was refused 50 times"
    finally:
        services.close()
    return retries


def change_team_until(
    environment: BenchmarkEnvironment, team_id: UUID, weights: dict[UUID, int], is_over: object, seed: int
) -> int:
    """Let one member after the other leave and come back until the bookings are over. Return how many changes."""
    chance, changes = random.Random(seed), 0
    while not is_over():  # type: ignore[operator]
        leaver = chance.choice(list(weights))
        for members in (build_members(weights, leaver), build_members(weights)):
            environment.services.teams.update_team(build_manager_context(environment), team_id, {"members": members})
            changes += 1
            time.sleep(CHANGE_SECONDS)
    return changes


def compute_shares(environment: BenchmarkEnvironment, team_id: UUID, weights: dict[UUID, int]) -> dict[UUID, Fraction]:
    """Compute the count of each member by weight. Everybody is free at every time, so any two may be compared.

    Who comes back is levelled to the average, so what they missed while they were away is in their count.
    """
    rows = environment.services.database.fetch_rows(TALLIES, (team_id,))
    return {row["person_id"]: Fraction(row["count"], weights[row["person_id"]]) for row in rows}


if __name__ == "__main__":
    sys.exit(main())
