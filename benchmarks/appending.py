"""The store's `append` of a booking by 16 writers, beside the bare inserts of the same rows, both sent by pgbench."""

import re
import subprocess
import tempfile
from pathlib import Path

from benchmarks.figure import Figure, in_turns
from benchmarks.sizes import Sizes
from store.embedded import Server
from store.embedded_binaries import find_binaries

# each number of each client once, so that nobody meets anybody: what is measured is the cost, not the queue
NUMBER = r"\set n random(1, 9000000000000000)"
THE = """(SELECT md5('token' || :n)::uuid AS token, md5('host' || :n)::uuid AS host,
    md5('details' || :n)::uuid AS details, timestamptz '2030-01-01Z' AS start) AS b"""
PAYLOAD = """jsonb_build_object('occurred_at', now(), 'actor', jsonb_build_object('kind', 'guest', 'id', null),
    'request_id', b.details, 'source', 'web', 'request_key', b.token, 'request_digest', b.token,
    'details_id', b.details, 'details_digest', b.token, 'link_id', b.host, 'link_kind', 'standard', 'link_version', 1,
    'meeting_type_id', b.host, 'meeting_type_version', 1, 'host_ids', jsonb_build_array(b.host),
    'host_versions', jsonb_build_array(1), 'starts_at', b.start, 'ends_at', b.start,
    'held_from', b.start, 'held_until', b.start)"""
ISSUED = "jsonb_build_object('occurred_at', now(), 'link_id', b.host)"
# another guest each time: no planner works their words out beforehand
ADDRESS = "'grace' || :n || '@acme.example'"
GUEST = f"""jsonb_build_object('guest', jsonb_build_object('name', 'Grace', 'email', {ADDRESS}, 'time_zone', 'UTC'),
    'notes', null)"""
OURS = f"""{NUMBER}
SELECT oncelink.append(
    jsonb_build_array(
        jsonb_build_object('stream', b.token, 'version', 1, 'type', 'DirectIssued.v1', 'data', {ISSUED}),
        jsonb_build_object('stream', b.token, 'version', 2, 'type', 'MeetingBooked.v1', 'data', {PAYLOAD})),
    jsonb_build_array(jsonb_build_array(b.host, 0)),
    jsonb_build_array(jsonb_build_array(b.host, false)),
    '[]',
    jsonb_build_object('release', '[]'::jsonb, 'reserve', jsonb_build_array(jsonb_build_object(
        'booking', b.token, 'host', b.host, 'start', b.start, 'end', b.start + interval '30 min'))),
    jsonb_build_array(jsonb_build_object(
        'id', b.details, 'stream', b.token, 'salt', '00', 'data', {GUEST}, 'words', 'Grace ' || {ADDRESS}))
) FROM {THE};
"""
# what a plain program sends that checks nothing: prepared statements, each waited for
BARE = f"""{NUMBER}
BEGIN;
INSERT INTO oncelink.events (stream_id, version, type, data)
SELECT b.token, 1, 'DirectIssued.v1', {ISSUED} FROM {THE}
UNION ALL SELECT b.token, 2, 'MeetingBooked.v1', {PAYLOAD} FROM {THE};
INSERT INTO oncelink.reservations (booking_id, host_id, during)
SELECT b.token, b.host, tstzrange(b.start, b.start + interval '30 min') FROM {THE};
INSERT INTO oncelink.personal_details (id, stream_id, salt, data, words)
SELECT b.details, b.token, '\\x00', {GUEST}, oncelink.words('Grace ' || {ADDRESS}) FROM {THE};
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
