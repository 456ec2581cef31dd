"""A round: two links with a host in common, and tokens, on a day of its own; its history is judged by itself."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock
from uuid import uuid4

from tests.torture.environment import KINDS, Place
from tests.torture.history import History
from tests.torture.http_client import Caller, Lost, Reply
from tests.torture.reference_model import Desk, LinkState, State

SLOTS = 16
FIRST_HOUR = 8
LENGTHS = {kind: minutes // 30 for kind, minutes in KINDS.items()}
PATIENCE = 30


@dataclass(frozen=True, slots=True)
class Wish:
    """A booking that a client asked for under a key."""

    token: str
    key: str
    start: int


@dataclass
class Round:
    """What the clients of a round share: tokens, codes, and the wishes whose outcome nobody knows yet."""

    desk: Desk
    begin: State
    links: dict[str, str]
    day: datetime
    history: History = field(default_factory=History)
    codes: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    manage: dict[str, str] = field(default_factory=dict)
    wishes: list[Wish] = field(default_factory=list)
    open: list[Wish] = field(default_factory=list)
    unissued: list[str] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def instant(self, slot: int) -> str:
        """When a slot begins, as the service spells it."""
        return (self.day + timedelta(minutes=30 * slot)).isoformat().replace("+00:00", "Z")

    def slot(self, instant: str) -> int:
        """Which slot begins then."""
        return int((datetime.fromisoformat(instant) - self.day).total_seconds() // 1800)

    def settled(self, wish: Wish) -> None:
        """The outcome of a wish is known now."""
        with self.lock:
            self.open = [one for one in self.open if one != wish]


def new_round(here: Place, lane: int, number: int) -> Round:
    """Links on a new day: the host of one is the co-host of the other."""
    day = datetime.now(UTC).replace(hour=FIRST_HOUR, minute=0, second=0, microsecond=0) + timedelta(days=2 + number)
    host, co_host = f"host-{lane}", f"co-host-{lane}"
    caller = here.caller()
    links = {"x": published(here, caller, host, co_host), "y": published(here, caller, co_host)}
    caller.close()
    desk = Desk({"x": frozenset({host, co_host}), "y": frozenset({co_host})}, LENGTHS)
    return Round(desk, State({name: LinkState("short") for name in links}), links, day)


def published(here: Place, caller: Caller, owner: str, *co_hosts: str) -> str:
    """The id of a new link of short meetings."""
    body = {
        "name": "Talk",
        "meeting_type_id": here.ids["short"],
        "co_host_ids": [here.ids[name] for name in co_hosts],
    }
    headers = {"Authorization": here.keys[owner], "Idempotency_Key": uuid4().hex}
    return str(until_it_is(201, caller, "POST", "/v1/links", body, **headers).body["id"])


def until_it_is(status: int, caller: Caller, method: str, path: str, body: object = None, **headers: str) -> Reply:
    """The first answer that is neither lost nor 503, which must be this one. Raises AssertionError."""
    deadline = datetime.now(UTC) + timedelta(seconds=PATIENCE)
    while datetime.now(UTC) < deadline:
        try:
            answer = caller.send(method, path, body, **headers)
        except Lost:
            continue
        if answer.status != 503:
            assert answer.status == status, answer.body
            return answer
    raise AssertionError(f"no answer but 503 for {PATIENCE} s: {method} {path}")
