"""Verifies teams: each member was chosen as the rule says, and the tallies are what the log counts."""

from collections.abc import Iterator
from uuid import UUID

from domain.event import Event
from domain.recount import Recount
from replay.verify.problems import Problem
from replay.verify.verify_connection import VerifyConnection

# what a recount folds: nothing of meetings without a team, and nothing at all without teams
EVENTS = """
WITH meetings AS MATERIALIZED (
    SELECT DISTINCT stream_id FROM {schema}.events
    WHERE type ^@ 'MeetingBooked.' AND jsonb_typeof(data -> 'chosen') = 'object'
)
SELECT position, stream_id, version, type, data FROM {schema}.events
WHERE EXISTS (SELECT FROM meetings) AND (
    type ^@ 'OrganisationUpdated.' OR type ^@ 'Team'
    OR type ^@ 'PersonAdded.' OR type ^@ 'PersonUpdated.' OR type ^@ 'PersonActivated.' OR type ^@ 'PersonDeactivated.'
    OR stream_id IN (SELECT stream_id FROM meetings) AND (
        type ^@ 'MeetingBooked.' OR type ^@ 'MeetingReassigned.' OR type ^@ 'MeetingCancelled.' OR type ^@ 'NoShow'
    )
)
ORDER BY position
"""
TALLIES = """
SELECT team_id, person_id, month, count, levelled_at, chosen_at FROM {schema}.member_tallies
WHERE team_id = ANY (%(teams)s) OR NOT EXISTS (SELECT FROM {schema}.events e WHERE e.stream_id = team_id)
"""


def check_choices(connection: VerifyConnection) -> Iterator[Problem]:
    """Each member of a team was chosen as the rule says at that position, and the tallies are what the log counts."""
    recount = Recount()
    with connection.hold_snapshot():  # a booking between the two queries is in neither
        for row in connection.stream_rows(EVENTS):
            event = Event.from_stored(row["stream_id"], row["version"], row["type"], row["data"])
            for difference in recount.apply_event(event):
                yield Problem("choices", f"the meeting {difference}", row["stream_id"], row["position"])
        yield from compare_tallies(connection, recount)


def recount_log(connection: VerifyConnection) -> Recount:
    """Recounts all tallies from the log, whatever its choices were."""
    recount = Recount()
    for row in connection.stream_rows(EVENTS):
        event = Event.from_stored(row["stream_id"], row["version"], row["type"], row["data"])
        for _ in recount.apply_event(event):
            pass  # `check_choices` tells them
    return recount


def compare_tallies(connection: VerifyConnection, recount: Recount) -> Iterator[Problem]:
    """Compares the tallies with the recount, and yields each count that differs."""
    rows = connection.fetch_rows(TALLIES, {"teams": list(recount.teams)})
    actual = {
        (row["team_id"], row["person_id"]): (row["month"], row["count"], row["levelled_at"], row["chosen_at"])
        for row in rows
    }
    expected = {
        (tally.team_id, id): (member.month, member.count, member.levelled_at, member.chosen_at)
        for tally in recount.tallies.values()
        for id, member in tally.members.items()
    }
    for key in sorted(actual.keys() | expected.keys(), key=str):
        if actual.get(key) != expected.get(key):
            yield Problem("choices", describe_difference(key[1], expected.get(key), actual.get(key)), key[0])


def describe_difference(person_id: UUID, expected: object, actual: object) -> str:
    """Describes a count that differs, as a sentence."""
    return (
        f"the tally of member {person_id} is {actual or 'missing'}, and the log says {expected or 'nothing'}: "
        "`oncelink restore-tallies` writes what the log says."
    )
