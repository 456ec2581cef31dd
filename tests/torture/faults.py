"""What goes wrong: faults at random while clients work, after each of which the service must be back without a hand."""

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
from tests.once.database_proxy import Action, Delayed, drop_request, hold_answer, lose_answer
from tests.torture import processes
from tests.torture.environment import POOL_SIZE, Place
from tests.torture.http_client import Lost

APPEND = ".append("
BACKENDS = f"SELECT pid FROM pg_stat_activity WHERE usename = '{SERVICE_ROLE}' AND pid <> pg_backend_pid() ORDER BY pid"
WAITING = f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{SERVICE_ROLE}' AND wait_event_type = 'Lock'"
SOMEBODY = "SELECT data FROM oncelink.events WHERE type = 'PersonAdded.v1' ORDER BY position LIMIT 1"
STALLED = """SELECT oncelink.append(%s::jsonb, '[]', '[]', '[]', '{"release": [], "reserve": []}', '[]')"""
SECOND = 1.0
SHORTLY = 0.4


class NotDone(Exception):
    """A fault could not be brought about."""


@dataclass
class Faults:
    """Brings faults about, one after the other, and times how long the service then takes to be back."""

    here: Place
    chance: random.Random
    patience: float
    kinds: Sequence[str] = ()
    done: Counter[str] = field(default_factory=Counter)
    slowest: dict[str, float] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def run(self, enough: Event) -> None:
        """Fault after fault, each kind once before any comes again, until it is enough."""
        deck: list[str] = []
        while not enough.wait(self.chance.uniform(0.3, 0.8)):
            deck = deck or self.shuffled()
            self.cause(deck.pop())

    def shuffled(self) -> list[str]:
        """All kinds in an order of chance."""
        kinds = list(self.kinds or KINDS)
        self.chance.shuffle(kinds)
        return kinds

    def cause(self, kind: str) -> None:
        """One fault, and the service's way back from it."""
        try:
            KINDS[kind](self)
        except (NotDone, psycopg.OperationalError):
            return
        self.done[kind] += 1
        seconds = self.until_back()
        self.slowest[kind] = max(seconds, self.slowest.get(kind, 0))
        if seconds > self.patience:
            self.problems.append(f"after {kind} the service was back only after {seconds:.1f} s")

    def until_back(self) -> float:
        """The seconds until a write is answered and the lists have it."""
        began = time.monotonic()
        while not self.is_back() and time.monotonic() - began < 4 * self.patience:
            time.sleep(0.05)
        return time.monotonic() - began

    def is_back(self) -> bool:
        """Whether a person can be renamed, and the list of people then answers with it."""
        caller = self.here.caller()
        signed = {"Authorization": self.here.keys["manager"]}
        try:
            hours = {"weekly_hours": {"mon": [["09:00", f"{self.chance.randrange(10, 24)}:00"]]}}
            wrote = caller.send("PATCH", "/v1/me", hours, **signed)
            position = wrote.headers.get("oncelink-position", "0")
            read = caller.send("GET", "/v1/people", Oncelink_Min_Position=position, **signed)
            return wrote.status == read.status == 200
        except Lost:
            return False
        finally:
            caller.close()

    def rows(self, statement: str) -> list[Any]:
        """What PostgreSQL answers to its superuser."""
        with psycopg.connect(self.here.superuser_url, autocommit=True) as connection:
            return connection.execute(statement).fetchall()

    def one_backend(self) -> int:
        """The process of one connection of the service. Raises NotDone."""
        return self.one_of([row[0] for row in self.rows(BACKENDS)])

    def one_worker(self) -> int:
        """A worker process of the server. Raises NotDone."""
        return self.one_of(processes.workers(self.here.processes["serve"].pid))

    def one_of(self, found: Sequence[int]) -> int:
        """One of these processes. Raises NotDone."""
        if not found:
            raise NotDone
        return self.chance.choice(found)

    def plan(self, actions: Sequence[Action]) -> None:
        """The next appends meet these actions between service and database. Raises NotDone when none came in time."""
        for action in actions:
            self.here.proxy.at(APPEND, action)
        deadline = time.monotonic() + SECOND
        while self.here.proxy.plans and time.monotonic() < deadline:
            time.sleep(0.01)
        if len(self.here.proxy.plans) >= len(actions):
            raise NotDone


def kill_worker(faults: Faults) -> None:
    """kill -9 of a worker: its supervisor starts another."""
    required(processes.kill(faults.one_worker()))


def kill_follower(faults: Faults) -> None:
    """kill -9 of the follower's process: another process leads; later it is started anew."""
    required(processes.kill(faults.here.processes["follow"].pid))
    faults.here.processes["follow"].wait()
    faults.until_back()
    faults.here.follow()


def kill_backend(faults: Faults) -> None:
    """kill -9 of one backend: PostgreSQL then ends all of them, and recovers."""
    required(processes.kill(faults.one_backend()))


def kill_database(faults: Faults) -> None:
    """kill -9 of the whole database: whoever watches it starts it again."""
    pid = int((faults.here.folder / "postgres" / "postgres" / "postmaster.pid").read_text().split()[0])
    required(processes.kill(pid, *processes.children(pid)))


def terminate_backends(faults: Faults) -> None:
    """pg_terminate_backend of some connections, or of all."""
    some = faults.chance.choice(["AND random() < 0.4", ""])
    found = faults.rows(
        BACKENDS.replace("SELECT pid", "SELECT pg_terminate_backend(pid)").replace("ORDER", f"{some} ORDER")
    )
    required(len(found))


def pause_worker(faults: Faults) -> None:
    """SIGSTOP of a worker for a second."""
    required(processes.pause(faults.one_worker(), SECOND))


def pause_backend(faults: Faults) -> None:
    """SIGSTOP of a backend for a second, wherever it is: in the middle of an append, say."""
    required(processes.pause(faults.one_backend(), SECOND))


def cut_appends(faults: Faults) -> None:
    """Connections are cut before an append, or between it and its answer; or it happens later than its next attempt."""
    kinds: list[Callable[[], Action]] = [lambda: lose_answer, lambda: drop_request, lambda: Delayed(APPEND)]
    faults.plan([faults.chance.choice(kinds)() for _ in range(4)])


def hold_answers(faults: Faults) -> None:
    """The answers to some appends come late."""
    faults.plan([hold_answer(SHORTLY) for _ in range(4)])


def cut_replies(faults: Faults) -> None:
    """Replies are cut between server and client."""
    cuts = faults.here.cuts
    before = cuts.done
    cuts.plan(6)
    deadline = time.monotonic() + SECOND
    while cuts.wanted and time.monotonic() < deadline:
        time.sleep(0.01)
    required(cuts.done > before)


def fill_pool(faults: Faults) -> None:
    """Every connection of a worker's pool waits inside an append, and those that come wait for the pool."""
    with psycopg.connect(faults.here.superuser_url) as holder:
        holder.execute(FENCE.format(schema="oncelink"))
        waiting = max(most_waiting(faults))
        holder.rollback()
    required(waiting >= POOL_SIZE)


def most_waiting(faults: Faults) -> Iterator[int]:
    """How many wait, looked at for two seconds at most, until it is a pool full."""
    deadline = time.monotonic() + 2 * SECOND
    while time.monotonic() < deadline:
        [(count,)] = faults.rows(WAITING)
        yield count
        if count >= POOL_SIZE:
            time.sleep(SHORTLY)
            return
        time.sleep(0.02)


def stall_append(faults: Faults) -> None:
    """A writer stalls inside an append: its position is drawn, others commit beyond it, and only then it commits."""
    with psycopg.connect(faults.here.server.url(SERVICE_ROLE, DATABASE)) as writer:
        [(data,)] = writer.execute(SOMEBODY).fetchall()
        event = {"stream": str(uuid4()), "version": 1, "type": "PersonAdded.v1", "data": data}
        writer.execute(STALLED, (json.dumps([event]),))
        time.sleep(SHORTLY)
        writer.commit()


def required(happened: object) -> None:
    """Raises NotDone for a fault that hit nobody."""
    if not happened:
        raise NotDone


KINDS: dict[str, Callable[[Faults], None]] = {
    "kill -9 of a worker": kill_worker,
    "kill -9 of the follower": kill_follower,
    "kill -9 of a backend": kill_backend,
    "kill -9 of the database": kill_database,
    "pg_terminate_backend": terminate_backends,
    "SIGSTOP of a worker": pause_worker,
    "SIGSTOP of a backend": pause_backend,
    "appends cut": cut_appends,
    "answers of the database held": hold_answers,
    "replies cut": cut_replies,
    "full pool": fill_pool,
    "an append stalls": stall_append,
}
