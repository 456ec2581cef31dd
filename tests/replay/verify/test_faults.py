"""Each fault that a superuser plants below the last sealed position is named: stream, position, what differs."""

from uuid import UUID

import pytest

from tests.replay.verify.conftest import Superuser, World

COPY = """
INSERT INTO {schema}.events (stream_id, version, type, data, recorded_at)
SELECT stream_id, %s, type, data || %s::jsonb, recorded_at FROM {schema}.events WHERE position = %s
"""


def test_a_healthy_log_has_no_problem(world: World, superuser: Superuser) -> None:
    found = superuser.finds()
    assert found.problems == []
    assert found.is_clean
    assert found.checked_events == found.sealed_events > 64
    assert found.unproven_events == 0
    assert found.read_models.keys() >= {"meeting_log", "links", "people", "single_use_links"}
    assert set(found.read_models.values()) == {0}


class TestSealedEvents:
    """What happens to events themselves."""

    def test_changed_payload(self, world: World, superuser: Superuser) -> None:
        at = world.position(world.direct[0], "MeetingBooked")
        superuser.plants(
            'UPDATE {schema}.events SET data = data || \'{{"source": "extension"}}\' WHERE position = %s', at
        )
        found = superuser.finds_one("sealed events")
        assert (found.position, found.stream_id) == (at, UUID(world.direct[0]))
        assert "data" in found.difference

    @pytest.mark.parametrize(
        "column", ["recorded_at = recorded_at + interval '1 microsecond'", "type = 'LinkEnabled.v1'"]
    )
    def test_changed_time_or_type(self, world: World, superuser: Superuser, column: str) -> None:
        at = world.position(world.link, "LinkUpdated")
        superuser.plants(f"UPDATE {{schema}}.events SET {column} WHERE position = %s", at)
        assert superuser.finds_one("sealed events").position == at

    def test_deleted_event(self, world: World, superuser: Superuser) -> None:
        at = world.position(world.tokens[0], "MeetingBooked")
        superuser.plants("DELETE FROM {schema}.events WHERE position = %s", at)
        found = superuser.finds_one("sealed events")
        assert (found.position, found.stream_id) == (at, UUID(world.tokens[0]))
        assert "version 2 was sealed here, and is gone" in found.difference
        gap = superuser.finds_one("versions")
        assert gap.stream_id == UUID(world.tokens[0])
        assert "version 2 is missing" in gap.difference

    def test_deleted_last_event_of_a_stream(self, world: World, superuser: Superuser) -> None:
        at = world.position(world.tokens[1], "MeetingCancelled")
        superuser.plants("DELETE FROM {schema}.events WHERE position = %s", at)
        found = superuser.finds_one("sealed events")
        assert (found.position, found.stream_id) == (at, UUID(world.tokens[1]))
        assert "version 3 was sealed here, and is gone" in found.difference
        assert superuser.finds_all("versions") == []

    def test_deleted_last_event_of_the_log(self, world: World, superuser: Superuser) -> None:
        superuser.plants("DELETE FROM {schema}.events WHERE position = (SELECT max(position) FROM {schema}.events)")
        assert "is gone" in superuser.finds_one("sealed events").difference

    def test_swapped_versions(self, world: World, superuser: Superuser) -> None:
        booked, moved = (world.position(world.tokens[0], type_) for type_ in ("MeetingBooked", "Rescheduled"))
        superuser.drops("events_stream_id_version_key")
        superuser.plants(
            "UPDATE {schema}.events SET version = 5 - version WHERE stream_id = %s AND version > 1", world.tokens[0]
        )
        found = superuser.finds_all("sealed events")
        assert [one.position for one in found] == [booked, moved]
        assert "version 2 was sealed here, and now there is version 3" in found[0].difference
        swapped = superuser.finds_one("versions")
        assert (swapped.stream_id, swapped.position) == (UUID(world.tokens[0]), booked)

    def test_event_put_in_below_the_last_sealed_position(self, world: World, superuser: Superuser) -> None:
        query = """INSERT INTO {schema}.events OVERRIDING SYSTEM VALUE
            SELECT 0, recorded_at, gen_random_uuid(), 1, type, data FROM {schema}.events
            WHERE type = 'PersonAdded.v1' LIMIT 1"""
        superuser.plants(query)
        found = superuser.finds_one("sealed events")
        assert found.position == 0
        assert "never sealed" in found.difference

    def test_changed_seal(self, superuser: Superuser) -> None:
        superuser.plants("UPDATE {schema}.sealed_events SET hash = sha256(hash) WHERE number = 17")
        found = superuser.finds_all("sealed events")
        assert (
            found[0].position
            == superuser.world.rows("SELECT position FROM {schema}.sealed_events WHERE number = 17")[0]["position"]
        )
        assert "node of height 1" in found[1].difference

    def test_deleted_seals(self, superuser: Superuser) -> None:
        superuser.plants("DELETE FROM {schema}.sealed_events WHERE number >= 60")
        superuser.plants("UPDATE {schema}.sealed_events SET number = 61 WHERE number = 59")
        found = superuser.finds()
        assert {one.check for one in found.problems} == {"sealed events"}
        assert "has number 61 instead of 59" in found.problems[0].difference
        assert "seals that are gone" in found.problems[-1].difference
        assert found.unproven_events > 10


class TestMeetings:
    """What bookings say of each other and of what they were decided on."""

    def test_second_booking_of_a_token(self, world: World, superuser: Superuser) -> None:
        booked = world.position(world.direct[0], "MeetingBooked")
        superuser.connection.execute(world.database.text("DROP INDEX {schema}.one_booking_per_token"))
        superuser.plants(COPY, 3, "{}", booked)
        found = superuser.finds_one("one booking per token")
        assert found.stream_id == UUID(world.direct[0])
        assert (
            found.position
            == superuser.connection.execute(
                world.database.text("SELECT max(position) AS at FROM {schema}.events")
            ).fetchone()["at"]
        )  # type: ignore[index]

    def test_overlapping_meetings_of_a_host(self, world: World, superuser: Superuser) -> None:
        first, second = (world.position(id, "MeetingBooked") for id in world.direct)
        query = """UPDATE {schema}.events SET data = data || (SELECT jsonb_build_object(
            'held_from', o.data ->> 'held_from', 'held_until', o.data ->> 'held_until')
                FROM {schema}.events o WHERE o.position = %s)
            WHERE position = %s"""
        superuser.plants(query, first, second)
        found = superuser.finds_all("overlapping meetings")
        assert [(one.stream_id, one.position) for one in found] == [
            (UUID(world.direct[1]), second)
        ] * 2  # host and co-host
        assert all(world.direct[0] in one.difference for one in found)

    def test_a_time_that_was_given_back_is_no_overlap(self, world: World, superuser: Superuser) -> None:
        """Both direct bookings have times that a moved and a cancelled meeting gave back: see the healthy log."""
        held = world.rows(
            """SELECT data ->> 'held_from' AS at, count(*) AS n FROM {schema}.events
            WHERE type LIKE 'MeetingBooked.%%' AND stream_id <> %s GROUP BY 1""",
            world.given,
        )
        assert [row["n"] for row in held] == [2, 2]

    def test_overlap_that_a_cancellation_hides(self, world: World, superuser: Superuser) -> None:
        """The second one was booked before the first was cancelled: then there were two at a time."""
        booked, cancelled = (world.position(world.tokens[1], type_) for type_ in ("MeetingBooked", "MeetingCancelled"))
        query = "UPDATE {schema}.events SET stream_id = gen_random_uuid() WHERE position = %s"
        superuser.plants(query, cancelled)
        found = superuser.finds_all("overlapping meetings")
        assert {one.stream_id for one in found} == {UUID(world.direct[0])}
        assert booked < found[0].position  # type: ignore[operator]

    @pytest.mark.parametrize(
        ("field", "value", "said"),
        [
            ("link_version", "99", "does not exist"),
            ("link_version", "1", "was replaced before"),
            ("meeting_type_version", "2", "came later"),
            ("host_versions", "[2, 77]", "version 77 of host"),
            ("meeting_type_id", '"5a0d4c3c-0a0b-4c4a-9c8c-0a0b4c4a9c8c"', "does not exist"),
        ],
    )
    def test_version_that_was_not_in_force(
        self, world: World, superuser: Superuser, field: str, value: str, said: str
    ) -> None:
        at = world.position(world.direct[0], "MeetingBooked")
        superuser.plants(
            "UPDATE {schema}.events SET data = data || %s::jsonb WHERE position = %s", f'{{"{field}": {value}}}', at
        )
        found = superuser.finds_one("versions in force")
        assert (found.stream_id, found.position) == (UUID(world.direct[0]), at)
        assert said in found.difference

    @pytest.mark.parametrize("kind", ["LinkDisabled.v1", "LinkDeleted.v1"])
    def test_booking_on_a_closed_link(self, world: World, superuser: Superuser, kind: str) -> None:
        at = world.position(world.link, "LinkUpdated")
        superuser.plants("UPDATE {schema}.events SET type = %s, data = data - 'slug' WHERE position = %s", kind, at)
        found = superuser.finds_all("open links")
        assert {one.stream_id for one in found} == {UUID(id) for id in (*world.direct, world.given)}

    def test_booking_on_an_expired_link(self, world: World, superuser: Superuser) -> None:
        at = world.position(world.link, "LinkUpdated")
        expired = '{"expires_at": "2020-01-01T00:00:00Z"}'
        superuser.plants("UPDATE {schema}.events SET data = data || %s::jsonb WHERE position = %s", expired, at)
        found = superuser.finds_all("open links")
        assert ["expired" in one.difference for one in found] == [True] * 3

    def test_story_that_cannot_be(self, world: World, superuser: Superuser) -> None:
        superuser.plants(COPY, 4, "{}", world.position(world.tokens[0], "Rescheduled"))
        assert superuser.finds_all("stories") == []
        superuser.plants(COPY, 4, "{}", world.position(world.tokens[1], "MeetingCancelled"))
        found = superuser.finds_one("stories")
        assert found.stream_id == UUID(world.tokens[1])
        assert "MeetingCancelled after MeetingCancelled" in found.difference

    def test_unknown_event_and_time_running_backwards(self, world: World, superuser: Superuser) -> None:
        at = world.position(world.link, "LinkUpdated")
        superuser.plants(
            "UPDATE {schema}.events SET type = 'LinkPinned.v1', recorded_at = '2020-01-01' WHERE position = %s", at
        )
        found = superuser.finds()
        named = {one.check: (one.stream_id, one.position) for one in found.problems}
        assert named["types"] == named["instants"] == (UUID(world.link), at)


class TestNewHosts:
    """What is said of a meeting that was given to another host."""

    def test_overlap_with_a_meeting_of_the_new_host(self, world: World, superuser: Superuser) -> None:
        """The new host had another meeting at that time, whoever the meeting was booked with."""
        at = world.position(world.given, "MeetingReassigned")
        other = world.position(world.direct[0], "MeetingBooked")
        superuser.plants(
            """UPDATE {schema}.events AS e SET data = e.data || jsonb_build_object(
                'held_from', o.data -> 'held_from', 'held_until', o.data -> 'held_until')
            FROM {schema}.events AS o WHERE e.position = %s AND o.position = %s""",
            at,
            other,
        )
        found = superuser.finds_one("overlapping meetings")
        assert (found.stream_id, found.position) == (UUID(world.given), at)

    def test_decided_on_a_version_that_was_not_in_force(self, world: World, superuser: Superuser) -> None:
        at = world.position(world.given, "MeetingReassigned")
        superuser.plants(
            "UPDATE {schema}.events SET data = jsonb_set(data, '{{host_versions,0}}', '77') WHERE position = %s", at
        )
        found = superuser.finds_one("versions in force")
        assert (found.stream_id, found.position) == (UUID(world.given), at)
        assert "version 77 of host" in found.difference


class TestBesideTheLog:
    """Reservations, claims, personal details and read models."""

    def test_missing_reservation(self, world: World, superuser: Superuser) -> None:
        superuser.plants("DELETE FROM {schema}.reservations WHERE booking_id = %s", world.tokens[0])
        found = superuser.finds_one("reservations")
        assert found.stream_id == UUID(world.tokens[0])
        assert found.position == world.position(world.tokens[0], "Rescheduled")
        assert "is missing" in found.difference

    def test_left_over_reservation(self, world: World, superuser: Superuser) -> None:
        query = """INSERT INTO {schema}.reservations SELECT %s, host_id, tstzrange('2031-01-01', '2031-01-02')
            FROM {schema}.reservations LIMIT 1"""
        superuser.plants(query, world.tokens[1])
        found = superuser.finds_one("reservations")
        assert found.stream_id == UUID(world.tokens[1])
        assert found.position == world.position(world.tokens[1], "MeetingCancelled")
        assert "left over" in found.difference

    def test_moved_reservation(self, world: World, superuser: Superuser) -> None:
        query = "UPDATE {schema}.reservations SET during = tstzrange('2031-01-01', '2031-01-02') WHERE booking_id = %s"
        superuser.plants(query, world.tokens[0])
        assert "and the log says" in superuser.finds_one("reservations").difference

    def test_reservation_of_who_hosts_it_no_longer(self, world: World, superuser: Superuser) -> None:
        query = """UPDATE {schema}.reservations SET host_id = (
            SELECT (data -> 'previous_host_ids' ->> 0)::uuid FROM {schema}.events WHERE position = %s
        ) WHERE booking_id = %s AND host_id = (
            SELECT (data -> 'host_ids' ->> 0)::uuid FROM {schema}.events WHERE position = %s)"""
        at = world.position(world.given, "MeetingReassigned")
        superuser.plants(query, at, world.given, at)
        found = superuser.finds_all("reservations")
        assert [(one.stream_id, one.position) for one in found] == [(UUID(world.given), at)] * 2
        assert sorted(one.difference.split(" ")[-1] for one in found) == ["missing.", "stands."]

    def test_claims(self, world: World, superuser: Superuser) -> None:
        superuser.plants("UPDATE {schema}.claims SET value = 'stolen' WHERE stream_id = %s", world.link)
        missing, left_over = superuser.finds_all("claims")
        assert missing.stream_id == left_over.stream_id == UUID(world.link)
        assert "'renamed' is not claimed" in missing.difference
        assert "'stolen' is claimed" in left_over.difference

    def test_edited_personal_details(self, world: World, superuser: Superuser) -> None:
        query = """UPDATE {schema}.personal_details
            SET data = jsonb_set(data, '{{guest,email}}', '"mallory@acme.example"')
            WHERE stream_id = %s"""
        superuser.plants(query, world.direct[0])
        found = superuser.finds_one("personal details")
        assert (found.stream_id, found.position) == (
            UUID(world.direct[0]),
            world.position(world.direct[0], "MeetingBooked"),
        )
        assert "were changed" in found.difference
        assert "mallory" not in str(found)

    @pytest.mark.parametrize("column", ["salt = decode('00', 'hex')", "stream_id = gen_random_uuid()"])
    def test_other_edits_of_personal_details(self, world: World, superuser: Superuser, column: str) -> None:
        superuser.plants(f"UPDATE {{schema}}.personal_details SET {column} WHERE stream_id = %s", world.direct[0])
        assert superuser.finds_one("personal details").position == world.position(world.direct[0], "MeetingBooked")

    def test_deleted_personal_details(self, world: World, superuser: Superuser) -> None:
        superuser.plants("DELETE FROM {schema}.personal_details WHERE stream_id = %s", world.direct[0])
        assert "no event says that they were erased" in superuser.finds_one("personal details").difference

    def test_personal_details_that_no_event_speaks_of(self, superuser: Superuser) -> None:
        superuser.plants(
            """INSERT INTO {schema}.personal_details
            SELECT gen_random_uuid(), stream_id, salt, data, words FROM {schema}.personal_details LIMIT 1"""
        )
        assert "no event speaks of them" in superuser.finds_one("personal details").difference

    def test_erased_personal_details_are_no_problem(self, world: World, superuser: Superuser) -> None:
        query = """INSERT INTO {schema}.events (stream_id, version, type, data)
            SELECT stream_id, 3, 'PersonalDetailsErased.v1', jsonb_build_object('erasure_id', gen_random_uuid(),
            'details_ids', jsonb_build_array(data ->> 'details_id'))
            FROM {schema}.events WHERE position = %s"""
        superuser.plants(query, world.position(world.direct[0], "MeetingBooked"))
        assert "although they were erased" in superuser.finds_one("personal details").difference
        superuser.plants("DELETE FROM {schema}.personal_details WHERE stream_id = %s", world.direct[0])
        assert not {"personal details", "stories", "versions"} & {one.check for one in superuser.finds().problems}


class TestReadModels:
    """A row that is not what the log says, or is missing, or should not be there."""

    def table(self, world: World, name: str) -> str:
        return str(world.rows("SELECT live_table AS t FROM {schema}.read_models WHERE name = %s", name)[0]["t"])

    def test_edited_row(self, world: World, superuser: Superuser) -> None:
        table = self.table(world, "meeting_log")
        superuser.plants(f"UPDATE {{schema}}.{table} SET status = 'cancelled' WHERE booking_id = %s", world.direct[0])
        found = superuser.finds()
        [problem] = found.problems
        assert (problem.check, problem.stream_id) == ("read model meeting_log", UUID(world.direct[0]))
        assert problem.position == world.position(world.direct[0], "MeetingBooked")
        assert problem.difference == "status is 'cancelled', not 'scheduled'."
        assert found.read_models["meeting_log"] == 1
        assert not found.is_clean

    def test_missing_and_left_over_rows(self, world: World, superuser: Superuser) -> None:
        links = self.table(world, "links")
        superuser.plants(f"DELETE FROM {{schema}}.{links} WHERE link_id = %s", world.link)
        singles = self.table(world, "single_use_links")
        superuser.plants(
            f"UPDATE {{schema}}.{singles} SET single_use_id = gen_random_uuid() WHERE single_use_id = %s",
            world.tokens[3],
        )
        found = superuser.finds()
        assert {name: n for name, n in found.read_models.items() if n} == {"links": 1, "single_use_links": 2}
        assert "its row is missing." in [one.difference for one in found.problems if one.stream_id == UUID(world.link)]

    def test_of_another_version(self, superuser: Superuser) -> None:
        superuser.plants("UPDATE {schema}.read_models SET version = 99 WHERE name = 'people'")
        found = superuser.finds_one("read model people")
        assert "not live" in found.difference

    def test_follows_while_the_follower_is_behind(self, world: World, superuser: Superuser) -> None:
        """An event that is not followed yet is no difference."""
        superuser.plants(COPY, 4, "{}", world.position(world.tokens[0], "Rescheduled"))
        assert set(superuser.finds().read_models.values()) == {0}
