"""Measure the store's `append` of a booking with 16 writers against bare inserts of the same rows, both by pgbench."""

import json
import re
import subprocess
import tempfile
from pathlib import Path

from benchmarks.figure import Figure, measure_in_turns
from benchmarks.sizes import Sizes
from store.embedded.binaries import find_binaries
from store.embedded.server import Server

# each number of each client once, so that no append waits for another: the cost is measured, not the queue
RANDOM_NUMBER = r"\set n random(1, 9000000000000000)"
RANDOM_IDS = "(SELECT md5('token' || :n) AS token, md5('host' || :n) AS host, md5('details' || :n) AS details) AS b"


def to_sql_json(value: object) -> str:
    """Build the SQL of a JSON value as a driver sends it (text). `<token>`, `<host>` and `<details>` are filled in."""
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
# another guest each time, so that the planner cannot compute the words in advance
GUEST = {"guest": {"name": "Grace", "email": "grace<n>@acme.example", "time_zone": "UTC"}, "notes": None}
WORDS = "Grace grace<n>@acme.example"
EVENTS = [
    {"stream": "<token>", "version": 1, "type": "DirectIssued.v1", "data": ISSUED},
    {"stream": "<token>", "version": 2, "type": "MeetingBooked.v1", "data": BOOKED},
]
RESERVED = {"release": [], "reserve": [{"booking": "<token>", "host": "<host>", "start": START, "end": END}]}
DETAILS = [{"id": "<details>", "stream": "<token>", "salt": "00", "data": GUEST, "words": WORDS}]
ARGUMENTS = (EVENTS, [["<host>", 0]], [["<host>", False]], [], RESERVED, DETAILS)
APPEND_SCRIPT = f"""{RANDOM_NUMBER}
SELECT oncelink.append({", ".join(map(to_sql_json, ARGUMENTS))}) FROM {RANDOM_IDS};
"""
# what a plain program sends that checks nothing: prepared statements, each waited for
BARE_INSERTS = f"""{RANDOM_NUMBER}
BEGIN;
INSERT INTO oncelink.events (stream_id, version, type, data)
SELECT b.token::uuid, 1, 'DirectIssued.v1', {to_sql_json(ISSUED)} FROM {RANDOM_IDS}
UNION ALL SELECT b.token::uuid, 2, 'MeetingBooked.v1', {to_sql_json(BOOKED)} FROM {RANDOM_IDS};
INSERT INTO oncelink.reservations (booking_id, host_id, during)
SELECT b.token::uuid, b.host::uuid, tstzrange('{START}', '{END}') FROM {RANDOM_IDS};
INSERT INTO oncelink.personal_details (id, stream_id, salt, data, words)
SELECT b.details::uuid, b.token::uuid, '\\x00', {to_sql_json(GUEST)},
    oncelink.words('Grace grace' || :n || '@acme.example')
FROM {RANDOM_IDS};
COMMIT;
"""
# the same in one round trip, as few programs send them
PIPELINED_INSERTS = BARE_INSERTS.replace("BEGIN;", "\\startpipeline\nBEGIN;").replace(
    "COMMIT;", "COMMIT;\n\\endpipeline"
)


# name, what is sent, and the share of it that an append must reach
FLOORS = (("bare inserts", BARE_INSERTS, 0.8), ("bare inserts in one round trip", PIPELINED_INSERTS, 0.6))


def measure_appends(server: Server, sizes: Sizes, flush_mode: str) -> list[Figure]:
    """Measure bookings appended per second against both kinds of bare inserts."""
    for script in (APPEND_SCRIPT, BARE_INSERTS, PIPELINED_INSERTS):
        measure_transactions_per_second(server, script, sizes.writers, sizes.seconds / 3)
    return [compare_with_floor(*floor, server, sizes, flush_mode) for floor in FLOORS]


def compare_with_floor(floor: str, script: str, bound: float, server: Server, sizes: Sizes, flush_mode: str) -> Figure:
    """Measure bookings appended per second against one floor."""
    values, floors = measure_in_turns(
        sizes.rounds,
        lambda: measure_transactions_per_second(server, APPEND_SCRIPT, sizes.writers, sizes.seconds),
        lambda: measure_transactions_per_second(server, script, sizes.writers, sizes.seconds),
    )
    name = f"append of a booking, {sizes.writers} writers"
    return Figure(name, "/s", values, floors, bound, floor=floor, flush_mode=flush_mode)


def measure_transactions_per_second(server: Server, script: str, writers: int, seconds: float) -> float:
    """Transactions per second of a pgbench script, as the superuser. Raises AssertionError when one of them failed."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        Path(file.name).chmod(0o644)
        command = [str(find_binaries() / "pgbench"), "-n", "-M", "prepared", "-f", file.name]
        options = [
            "-c",
            str(writers),
            "-j",
            "2",
            "-T",
            str(max(1, round(seconds))),
            server.build_url(database="oncelink"),
        ]
        process = subprocess.run([*command, *options], capture_output=True, text=True, check=True)
    assert "number of failed transactions: 0 " in process.stdout, process.stdout
    match = re.search(r"tps = ([\d.]+)", process.stdout)
    assert match, process.stdout
    return float(match.group(1))
