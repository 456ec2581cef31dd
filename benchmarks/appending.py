"""The store's `append` of a booking by 16 writers, beside the bare inserts of the same rows, both sent by pgbench."""

import json
import re
import subprocess
import tempfile
from pathlib import Path

from benchmarks.figure import Figure, in_turns
from benchmarks.sizes import Sizes
from store.embedded.binaries import find_binaries
from store.embedded.server import Server

# each number of each client once, so that nobody meets anybody: what is measured is the cost, not the queue
NUMBER = r"\set n random(1, 9000000000000000)"
THE = "(SELECT md5('token' || :n) AS token, md5('host' || :n) AS host, md5('details' || :n) AS details) AS b"


def json_of(value: object) -> str:
    """SQL for a JSON value as a driver sends it, as text; `<token>` and the like are filled in."""
    text = json.dumps(value)  # with a space after each colon, or pgbench takes what follows for a variable
    return "('" + re.sub("<(token|host|details)>", r"' || b.\1 || '", text).replace("<n>", "' || :n || '") + "')::jsonb"


START, END = "2030-01-01 000000Z", "2030-01-01 003000Z"
ISSUED = {"occurred_at": START, "link_id": "<host>"}
BOOKED = {
    "occurred_at": START,
    "actor": {"kind": "guest", "id": None},
    "request_id": "<details>",
    "source": "web",
    "request_key": "<token>",
    "request_digest": "<token>",
    "details_id": "<details>",
    "details_digest": "<token>",
    "link_id": "<host>",
    "link_kind": "standard",
    "link_version": 1,
    "meeting_type_id": "<host>",
    "meeting_type_version": 1,
    "host_ids": ["<host>"],
    "host_versions": [1],
    "starts_at": START,
    "ends_at": END,
    "held_from": START,
    "held_until": END,
}
# another guest each time: no planner works their words out beforehand
GUEST = {"guest": {"name": "Grace", "email": "grace<n>@acme.example", "time_zone": "UTC"}, "notes": None}
WORDS = "Grace grace<n>@acme.example"
EVENTS = [
    {"stream": "<token>", "version": 1, "type": "DirectIssued.v1", "data": ISSUED},
    {"stream": "<token>", "version": 2, "type": "MeetingBooked.v1", "data": BOOKED},
]
RESERVED = {"release": [], "reserve": [{"booking": "<token>", "host": "<host>", "start": START, "end": END}]}
DETAILS = [{"id": "<details>", "stream": "<token>", "salt": "00", "data": GUEST, "words": WORDS}]
ARGUMENTS = (EVENTS, [["<host>", 0]], [["<host>", False]], [], RESERVED, DETAILS)
OURS = f"""{NUMBER}
SELECT oncelink.append({", ".join(map(json_of, ARGUMENTS))}) FROM {THE};
"""
# what a plain program sends that checks nothing: prepared statements, each waited for
BARE = f"""{NUMBER}
BEGIN;
INSERT INTO oncelink.events (stream_id, version, type, data)
SELECT b.token::uuid, 1, 'DirectIssued.v1', {json_of(ISSUED)} FROM {THE}
UNION ALL SELECT b.token::uuid, 2, 'MeetingBooked.v1', {json_of(BOOKED)} FROM {THE};
INSERT INTO oncelink.reservations (booking_id, host_id, during)
SELECT b.token::uuid, b.host::uuid, tstzrange('{START}', '{END}') FROM {THE};
INSERT INTO oncelink.personal_details (id, stream_id, salt, data, words)
SELECT b.details::uuid, b.token::uuid, '\\x00', {json_of(GUEST)}, oncelink.words('Grace grace' || :n || '@acme.example')
FROM {THE};
COMMIT;
"""
# the same in one round trip, as few programs send them
PIPELINED = BARE.replace("BEGIN;", "\\startpipeline\nBEGIN;").replace("COMMIT;", "COMMIT;\n\\endpipeline")


# name, what is sent, and the share of it that an append must reach
FLOORS = (("bare inserts", BARE, 0.8), ("bare inserts in one round trip", PIPELINED, 0.6))


def figures(found: Server, sizes: Sizes, where: str) -> list[Figure]:
    """Bookings appended in a second, beside the bare inserts in both ways of sending them."""
    for script in (OURS, BARE, PIPELINED):
        per_second(found, script, sizes.writers, sizes.seconds / 3)
    return [beside(*floor, found, sizes, where) for floor in FLOORS]


def beside(floor: str, script: str, bound: float, found: Server, sizes: Sizes, where: str) -> Figure:
    """Bookings appended in a second beside one floor."""
    values, floors = in_turns(
        sizes.rounds,
        lambda: per_second(found, OURS, sizes.writers, sizes.seconds),
        lambda: per_second(found, script, sizes.writers, sizes.seconds),
    )
    name = f"append of a booking, {sizes.writers} writers"
    return Figure(name, "/s", values, floors, bound, floor=floor, where=where)


def per_second(server: Server, script: str, writers: int, seconds: float) -> float:
    """Transactions per second of a pgbench script, as the superuser. Raises AssertionError when one of them failed."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        Path(file.name).chmod(0o644)
        command = [str(find_binaries() / "pgbench"), "-n", "-M", "prepared", "-f", file.name]
        spread = ["-c", str(writers), "-j", "2", "-T", str(max(1, round(seconds))), server.url(database="oncelink")]
        ran = subprocess.run([*command, *spread], capture_output=True, text=True, check=True)
    assert "number of failed transactions: 0 " in ran.stdout, ran.stdout
    found = re.search(r"tps = ([\d.]+)", ran.stdout)
    assert found, ran.stdout
    return float(found.group(1))
