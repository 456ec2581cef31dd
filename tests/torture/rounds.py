"""A round: two links with a host in common, and tokens, on a day of its own. Its history is checked by itself."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock
from uuid import uuid4

from tests.torture.environment import KINDS, TortureEnvironment
from tests.torture.history import History
from tests.torture.http_client import HttpClient, HttpResponse, ResponseLost
from tests.torture.reference_model import LinkState, ReferenceModel, State

SLOTS = 16
FIRST_HOUR = 8
LENGTHS = {kind: minutes // 30 for kind, minutes in KINDS.items()}
TIMEOUT_SECONDS = 30


@dataclass(frozen=True, slots=True)
class BookingRequest:
    """A booking that a client requested with a key."""

    token: str
    key: str
    start: int


@dataclass
class Round:
    """What the clients of a round share: tokens, codes, and the requests whose outcome is unknown."""

    model: ReferenceModel
    initial_state: State
    links: dict[str, str]
    day: datetime
    history: History = field(default_factory=History)
    codes: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    manage_codes: dict[str, str] = field(default_factory=dict)
    booking_requests: list[BookingRequest] = field(default_factory=list)
    unresolved: list[BookingRequest] = field(default_factory=list)
    unissued: list[str] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def to_instant(self, slot: int) -> str:
        """Convert a slot to the instant at which it begins, as the service spells it."""
        return (self.day + timedelta(minutes=30 * slot)).isoformat().replace("+00:00", "Z")

    def to_slot(self, instant: str) -> int:
        """Convert an instant to the slot that begins then."""
        return int((datetime.fromisoformat(instant) - self.day).total_seconds() // 1800)

    def mark_resolved(self, booking_request: BookingRequest) -> None:
        """Mark the outcome of a request as known."""
        with self.lock:
            self.unresolved = [
                unresolved_request for unresolved_request in self.unresolved if unresolved_request != booking_request
            ]


def create_round(environment: TortureEnvironment, lane: int, number: int) -> Round:
    """Create links on a new day: the host of one is the co-host of the other."""
    day = datetime.now(UTC).replace(hour=FIRST_HOUR, minute=0, second=0, microsecond=0) + timedelta(days=2 + number)
    host, co_host = f"host-{lane}", f"co-host-{lane}"
    http_client = environment.create_client()
    links = {
        "x": create_link(environment, http_client, host, co_host),
        "y": create_link(environment, http_client, co_host),
    }
    http_client.close()
    model = ReferenceModel({"x": frozenset({host, co_host}), "y": frozenset({co_host})}, LENGTHS)
    return Round(model, State({name: LinkState("short") for name in links}), links, day)


def create_link(environment: TortureEnvironment, http_client: HttpClient, owner: str, *co_hosts: str) -> str:
    """Create a link of short meetings. Return its id."""
    body = {
        "name": "Talk",
        "meeting_type_id": environment.ids["short"],
        "co_host_ids": [environment.ids[name] for name in co_hosts],
    }
    headers = {"Authorization": environment.keys[owner], "Idempotency_Key": uuid4().hex}
    return str(send_until_status(201, http_client, "POST", "/v1/links", body, **headers).body["id"])


def send_until_status(
    status: int, http_client: HttpClient, method: str, path: str, body: object = None, **headers: str
) -> HttpResponse:
    """Send until the response is neither lost nor 503. Raises AssertionError unless it has this status."""
    deadline = datetime.now(UTC) + timedelta(seconds=TIMEOUT_SECONDS)
    while datetime.now(UTC) < deadline:
        try:
            response = http_client.send(method, path, body, **headers)
        except ResponseLost:
            continue
        if response.status != 503:
            assert response.status == status, response.body
            return response
    raise AssertionError(f"no answer but 503 for {TIMEOUT_SECONDS} s: {method} {path}")
