"""Random faults while clients work. After each one the service must recover by itself."""

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import Any
from uuid import uuid4

import psycopg

from api.server import DATABASE
from store.schema import SERVICE_ROLE
from tests.once.barrier import FENCE
from tests.once.database_proxy import Action, DelayedRequest, delay_response, drop_request, drop_response
from tests.torture import processes
from tests.torture.environment import POOL_SIZE, TortureEnvironment
from tests.torture.http_client import ResponseLost

APPEND = ".append("
BACKENDS = f"SELECT pid FROM pg_stat_activity WHERE usename = '{SERVICE_ROLE}' AND pid <> pg_backend_pid() ORDER BY pid"
WAITING = f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{SERVICE_ROLE}' AND wait_event_type = 'Lock'"
PERSON_DATA = "SELECT data FROM oncelink.events WHERE type = 'PersonAdded.v1' ORDER BY position LIMIT 1"
APPEND_PERSON = """SELECT oncelink.append(%s::jsonb, '[]', '[]', '[]', '{"release": [], "reserve": []}', '[]')"""
FAULT_SECONDS = 1.0
PAUSE_SECONDS = 0.4


class FaultNotApplied(Exception):
    """A fault could not be applied."""


@dataclass
class FaultInjector:
    """Applies faults one after the other, and measures how long the service takes to recover."""

    environment: TortureEnvironment
    rng: random.Random
    max_recovery_seconds: float
    kinds: Sequence[str] = ()
    counts: Counter[str] = field(default_factory=Counter)
    slowest_recovery: dict[str, float] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def inject_faults(self, stop: Event) -> None:
        """Inject faults until stopped, each kind once before any repeats."""
        remaining: list[str] = []
        while not stop.wait(self.rng.uniform(0.3, 0.8)):
            remaining = remaining or self.shuffle_kinds()
            self.inject_fault(remaining.pop())

    def shuffle_kinds(self) -> list[str]:
        """Shuffle all kinds."""
        kinds = list(self.kinds or KINDS)
        self.rng.shuffle(kinds)
        return kinds

    def inject_fault(self, kind: str) -> None:
        """Inject one fault, and wait for the recovery."""
        try:
            KINDS[kind](self)
        except (FaultNotApplied, psycopg.OperationalError):
            return
        self.counts[kind] += 1
        seconds = self.measure_recovery()
        self.slowest_recovery[kind] = max(seconds, self.slowest_recovery.get(kind, 0))
        if seconds > self.max_recovery_seconds:
            self.problems.append(f"after {kind} the service was back only after {seconds:.1f} s")

    def measure_recovery(self) -> float:
        """Measure the seconds until a write succeeds and the lists have it."""
        started_at = time.monotonic()
        while not self.is_recovered() and time.monotonic() - started_at < 4 * self.max_recovery_seconds:
            time.sleep(0.05)
        return time.monotonic() - started_at

    def is_recovered(self) -> bool:
        """Return whether a person can be updated, and the list of people then has it."""
        http_client = self.environment.create_client()
        headers = {"Authorization": self.environment.keys["manager"]}
        try:
            hours = {"weekly_hours": {"mon": [["09:00", f"{self.rng.randrange(10, 24)}:00"]]}}
            write_response = http_client.send("PATCH", "/v1/me", hours, **headers)
            position = write_response.headers.get("oncelink-position", "0")
            list_response = http_client.send("GET", "/v1/people", Oncelink_Min_Position=position, **headers)
            return write_response.status == list_response.status == 200
        except ResponseLost:
            return False
        finally:
            http_client.close()

    def fetch_rows(self, statement: str) -> list[Any]:
        """Fetch rows as the superuser."""
        with psycopg.connect(self.environment.superuser_url, autocommit=True) as connection:
            return connection.execute(statement).fetchall()

    def choose_backend(self) -> int:
        """Choose the process of one connection of the service. Raises FaultNotApplied."""
        return self.choose_process([row[0] for row in self.fetch_rows(BACKENDS)])

    def choose_worker(self) -> int:
        """Choose a worker process of the server. Raises FaultNotApplied."""
        return self.choose_process(processes.list_workers(self.environment.processes["serve"].pid))

    def choose_process(self, processes: Sequence[int]) -> int:
        """Choose one of these processes. Raises FaultNotApplied."""
        if not processes:
            raise FaultNotApplied
        return self.rng.choice(processes)

    def plan_actions(self, actions: Sequence[Action]) -> None:
        """Plan these actions for the next appends. Raises FaultNotApplied when none came in time."""
        for action in actions:
            self.environment.proxy.plan_action(APPEND, action)
        deadline = time.monotonic() + FAULT_SECONDS
        while self.environment.proxy.planned_actions and time.monotonic() < deadline:
            time.sleep(0.01)
        if len(self.environment.proxy.planned_actions) >= len(actions):
            raise FaultNotApplied


def kill_worker(injector: FaultInjector) -> None:
    """kill -9 of a worker: its supervisor starts another."""
    require_effect(processes.kill_processes(injector.choose_worker()))


def kill_follower(injector: FaultInjector) -> None:
    """kill -9 of the follower's process: another process leads; later it is started again."""
    require_effect(processes.kill_processes(injector.environment.processes["follow"].pid))
    injector.environment.processes["follow"].wait()
    injector.measure_recovery()
    injector.environment.start_follower()


def kill_backend(injector: FaultInjector) -> None:
    """kill -9 of one backend: PostgreSQL then ends all of them, and recovers."""
    require_effect(processes.kill_processes(injector.choose_backend()))


def kill_database(injector: FaultInjector) -> None:
    """kill -9 of the whole database: the process that watches it starts it again."""
    pid = int((injector.environment.folder / "postgres" / "postgres" / "postmaster.pid").read_text().split()[0])
    require_effect(processes.kill_processes(pid, *processes.list_children(pid)))


def terminate_backends(injector: FaultInjector) -> None:
    """pg_terminate_backend of some connections, or of all."""
    condition = injector.rng.choice(["AND random() < 0.4", ""])
    pids = injector.fetch_rows(
        BACKENDS.replace("SELECT pid", "SELECT pg_terminate_backend(pid)").replace("ORDER", f"{condition} ORDER")
    )
    require_effect(len(pids))


def pause_worker(injector: FaultInjector) -> None:
    """SIGSTOP of a worker for a second."""
    require_effect(processes.pause_process(injector.choose_worker(), FAULT_SECONDS))


def pause_backend(injector: FaultInjector) -> None:
    """SIGSTOP of a backend for a second, wherever it is: in the middle of an append, say."""
    require_effect(processes.pause_process(injector.choose_backend(), FAULT_SECONDS))


def cut_append_connections(injector: FaultInjector) -> None:
    """Cut connections before an append, or before its response; or delay it until after the next attempt."""
    actions: list[Callable[[], Action]] = [lambda: drop_response, lambda: drop_request, lambda: DelayedRequest(APPEND)]
    injector.plan_actions([injector.rng.choice(actions)() for _ in range(4)])


def delay_database_responses(injector: FaultInjector) -> None:
    """Delay the responses to some appends."""
    injector.plan_actions([delay_response(PAUSE_SECONDS) for _ in range(4)])


def cut_responses(injector: FaultInjector) -> None:
    """Cut responses between server and client."""
    cuts = injector.environment.cuts
    completed = cuts.completed
    cuts.request_cuts(6)
    deadline = time.monotonic() + FAULT_SECONDS
    while cuts.pending and time.monotonic() < deadline:
        time.sleep(0.01)
    require_effect(cuts.completed > completed)


def fill_pool(injector: FaultInjector) -> None:
    """Block every connection of a worker's pool inside an append, so that further requests wait for the pool."""
    with psycopg.connect(injector.environment.superuser_url) as holder:
        holder.execute(FENCE.format(schema="oncelink"))
        waiting_count = max(iterate_waiting_counts(injector))
        holder.rollback()
    require_effect(waiting_count >= POOL_SIZE)


def iterate_waiting_counts(injector: FaultInjector) -> Iterator[int]:
    """Iterate over the number of waiting backends, for two seconds at most, until a whole pool waits."""
    deadline = time.monotonic() + 2 * FAULT_SECONDS
    while time.monotonic() < deadline:
        [(count,)] = injector.fetch_rows(WAITING)
        yield count
        if count >= POOL_SIZE:
            time.sleep(PAUSE_SECONDS)
            return
        time.sleep(0.02)


def stall_append(injector: FaultInjector) -> None:
    """Stall a writer inside an append: its position is drawn, others commit higher ones, only then it commits."""
    with psycopg.connect(injector.environment.server.build_url(SERVICE_ROLE, DATABASE)) as writer:
        [(data,)] = writer.execute(PERSON_DATA).fetchall()
        event = {"stream": str(uuid4()), "version": 1, "type": "PersonAdded.v1", "data": data}
        writer.execute(APPEND_PERSON, (json.dumps([event]),))
        time.sleep(PAUSE_SECONDS)
        writer.commit()


def require_effect(effect: object) -> None:
    """Raise FaultNotApplied for a fault without effect."""
    if not effect:
        raise FaultNotApplied


KINDS: dict[str, Callable[[FaultInjector], None]] = {
    "kill -9 of a worker": kill_worker,
    "kill -9 of the follower": kill_follower,
    "kill -9 of a backend": kill_backend,
    "kill -9 of the database": kill_database,
    "pg_terminate_backend": terminate_backends,
    "SIGSTOP of a worker": pause_worker,
    "SIGSTOP of a backend": pause_backend,
    "appends cut": cut_append_connections,
    "answers of the database held": delay_database_responses,
    "replies cut": cut_responses,
    "full pool": fill_pool,
    "an append stalls": stall_append,
}
