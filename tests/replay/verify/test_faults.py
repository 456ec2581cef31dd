"""Each fault that a superuser plants below the last sealed position is named: stream, position, what differs."""

from uuid import UUID

import pytest

from tests.replay.verify.conftest import SealedLog, Superuser

COPY = """
INSERT INTO {schema}.events (stream_id, version, type, data, recorded_at)
SELECT stream_id, %s, type, data || %s::jsonb, recorded_at FROM {schema}.events WHERE position = %s
"""


def test_a_healthy_log_has_no_problem(sealed_log: SealedLog, superuser: Superuser) -> None:
    report = superuser.verify_log()
    assert report.problems == []
    assert report.is_clean
    assert report.checked_events == report.sealed_events > 64
    assert report.unproven_events == 0
    assert report.read_models.keys() >= {"meeting_log", "links", "people", "single_use_links"}
    assert set(report.read_models.values()) == {0}


class TestSealedEvents:
    """What happens to events themselves."""

    def test_changed_payload(self, sealed_log: SealedLog, superuser: Superuser) -> None:
        position = sealed_log.find_position(sealed_log.direct[0], "MeetingBooked")
        superuser.plant_fault(
            'UPDATE {schema}.events SET data = data || \'{{"source": "extension"}}\' WHERE position = %s', position
        )
        problem = superuser.find_problem("sealed events")
        assert (problem.position, problem.stream_id) == (position, UUID(sealed_log.direct[0]))
        assert "data" in problem.difference

    @pytest.mark.parametrize(
        "column", ["recorded_at = recorded_at + interval '1 microsecond'", "type = 'LinkEnabled.v1'"]
    )
    def test_changed_time_or_type(self, sealed_log: SealedLog, superuser: Superuser, column: str) -> None:
        position = sealed_log.find_position(sealed_log.link, "LinkUpdated")
        superuser.plant_fault(f"UPDATE {{schema}}.events SET {column} WHERE position = %s", position)
        assert superuser.find_problem("sealed events").position == position

    def test_deleted_event(self, sealed_log: SealedLog, superuser: Superuser) -> None:
        position = sealed_log.find_position(sealed_log.tokens[0], "MeetingBooked")
        superuser.plant_fault("DELETE FROM {schema}.events WHERE position = %s", position)
        problem = superuser.find_problem("sealed events")
        assert (problem.position, problem.stream_id) == (position, UUID(sealed_log.tokens[0]))
        assert "version 2 was sealed here, and is gone" in problem.difference
        version_problem = superuser.find_problem("versions")
        assert version_problem.stream_id == UUID(sealed_log.tokens[0])
        assert "version 2 is missing" in version_problem.difference

    def test_deleted_last_event_of_a_stream(self, sealed_log: SealedLog, superuser: Superuser) -> None:
        position = sealed_log.find_position(sealed_log.tokens[1], "MeetingCancelled")
        superuser.plant_fault("DELETE FROM {schema}.events WHERE position = %s", position)
        problem = superuser.find_problem("sealed events")
        assert (problem.position, problem.stream_id) == (position, UUID(sealed_log.tokens[1]))
        assert "version 3 was sealed here, and is gone" in problem.difference
        assert superuser.find_problems("versions") == []

    def test_deleted_last_event_of_the_log(self, sealed_log: SealedLog, superuser: Superuser) -> None:
        superuser.plant_fault(
            "DELETE FROM {schema}.events WHERE position = (SELECT max(position) FROM {schema}.events)"
        )
        assert "is gone" in superuser.find_problem("sealed events").difference

    def test_swapped_versions(self, sealed_log: SealedLog, superuser: Superuser) -> None:
        booked_position, rescheduled_position = (
            sealed_log.find_position(sealed_log.tokens[0], type_) for type_ in ("MeetingBooked", "Rescheduled")
        )
        superuser.drop_constraint("events_stream_id_version_key")
        superuser.plant_fault(
            "UPDATE {schema}.events SET version = 5 - version WHERE stream_id = %s AND version > 1",
            sealed_log.tokens[0],
        )
        problems = superuser.find_problems("sealed events")
        assert [problem.position for problem in problems] == [booked_position, rescheduled_position]
        assert "version 2 was sealed here, and now there is version 3" in problems[0].difference
        version_problem = superuser.find_problem("versions")
        assert (version_problem.stream_id, version_problem.position) == (UUID(sealed_log.tokens[0]), booked_position)

    def test_event_put_in_below_the_last_sealed_position(self, sealed_log: SealedLog, superuser: Superuser) -> None:
        query = """INSERT INTO {schema}.events OVERRIDING SYSTEM VALUE
            SELECT 0, recorded_at, gen_random_uuid(), 1, type, data FROM {schema}.events
            WHERE type = 'PersonAdded.v1' LIMIT 1"""
        superuser.plant_fault(query)
        problem = superuser.find_problem("sealed events")
        assert problem.position == 0
        assert "never sealed" in problem.difference

    def test_changed_seal(self, superuser: Superuser) -> None:
        superuser.plant_fault("UPDATE {schema}.sealed_events SET hash = sha256(hash) WHERE number = 17")
        problems = superuser.find_problems("sealed events")
        assert (
            problems[0].position
            == superuser.sealed_log.fetch_rows("SELECT position FROM {schema}.sealed_events WHERE number = 17")[0][
                "position"
            ]
        )
        assert "node of height 1" in problems[1].difference

    def test_deleted_seals(self, superuser: Superuser) -> None:
        superuser.plant_fault("DELETE FROM {schema}.sealed_events WHERE number >= 60")
        superuser.plant_fault("UPDATE {schema}.sealed_events SET number = 61 WHERE number = 59")
        report = superuser.verify_log()
        assert {problem.check for problem in report.problems} == {"sealed events"}
        assert "has number 61 instead of 59" in report.problems[0].difference
        assert "seals that are gone" in report.problems[-1].difference
        assert report.unproven_events > 10


class TestMeetings:
    """What bookings say of each other and of what they were decided on."""

    def test_second_booking_of_a_token(self, sealed_log: SealedLog, superuser: Superuser) -> None:
        booked_position = sealed_log.find_position(sealed_log.direct[0], "MeetingBooked")
        superuser.connection.execute(sealed_log.database.compose_query("DROP INDEX {schema}.one_booking_per_token"))
        superuser.plant_fault(COPY, 3, "{}", booked_position)
        problem = superuser.find_problem("one booking per token")
        assert problem.stream_id == UUID(sealed_log.direct[0])
        assert (
            problem.position
            == superuser.connection.execute(
                sealed_log.database.compose_query("SELECT max(position) AS at FROM {schema}.events")
            ).fetchone()["at"]
        )  # type: ignore[index]

    def test_overlapping_meetings_of_a_host(self, sealed_log: SealedLog, superuser: Superuser) -> None:
        first, second = (sealed_log.find_position(id, "MeetingBooked") for id in sealed_log.direct)
        query = """UPDATE {schema}.events SET data = data || (SELECT jsonb_build_object(
            'held_from', o.data ->> 'held_from', 'held_until', o.data ->> 'held_until')
                FROM {schema}.events o WHERE o.position = %s)
            WHERE position = %s"""
        superuser.plant_fault(query, first, second)
        problems = superuser.find_problems("overlapping meetings")
        assert [(problem.stream_id, problem.position) for problem in problems] == [
            (UUID(sealed_log.direct[1]), second)
        ] * 2  # host and co-host
        assert all(sealed_log.direct[0] in problem.difference for problem in problems)

    def test_a_time_that_was_given_back_is_no_overlap(self, sealed_log: SealedLog, superuser: Superuser) -> None:
        """Both direct bookings have times that a moved and a cancelled meeting gave back: see the healthy log."""
        counts = sealed_log.fetch_rows(
            """SELECT data ->> 'held_from' AS at, count(*) AS n FROM {schema}.events
            WHERE type LIKE 'MeetingBooked.%%' AND stream_id <> %s GROUP BY 1""",
            sealed_log.reassigned,
        )
        assert [row["n"] for row in counts] == [2, 2]

    def test_overlap_that_a_cancellation_hides(self, sealed_log: SealedLog, superuser: Superuser) -> None:
        """The second one was booked before the first was cancelled: then there were two at a time."""
        booked_position, cancelled_position = (
            sealed_log.find_position(sealed_log.tokens[1], type_) for type_ in ("MeetingBooked", "MeetingCancelled")
        )
        query = "UPDATE {schema}.events SET stream_id = gen_random_uuid() WHERE position = %s"
        superuser.plant_fault(query, cancelled_position)
        problems = superuser.find_problems("overlapping meetings")
        assert {problem.stream_id for problem in problems} == {UUID(sealed_log.direct[0])}
        assert booked_position < problems[0].position  # type: ignore[operator]

    @pytest.mark.parametrize(
        ("field", "value", "message"),
        [
            ("link_version", "99", "does not exist"),
            ("link_version", "1", "was replaced before"),
            ("meeting_type_version", "2", "came later"),
            ("host_versions", "[2, 77]", "version 77 of host"),
            ("meeting_type_id", '"5a0d4c3c-0a0b-4c4a-9c8c-0a0b4c4a9c8c"', "does not exist"),
        ],
    )
    def test_version_that_was_not_in_force(
        self, sealed_log: SealedLog, superuser: Superuser, field: str, value: str, message: str
    ) -> None:
        position = sealed_log.find_position(sealed_log.direct[0], "MeetingBooked")
        superuser.plant_fault(
            "UPDATE {schema}.events SET data = data || %s::jsonb WHERE position = %s",
            f'{{"{field}": {value}}}',
            position,
        )
        problem = superuser.find_problem("versions in force")
        assert (problem.stream_id, problem.position) == (UUID(sealed_log.direct[0]), position)
        assert message in problem.difference

    @pytest.mark.parametrize("kind", ["LinkDisabled.v1", "LinkDeleted.v1"])
    def test_booking_on_a_closed_link(self, sealed_log: SealedLog, superuser: Superuser, kind: str) -> None:
        position = sealed_log.find_position(sealed_log.link, "LinkUpdated")
        superuser.plant_fault(
            "UPDATE {schema}.events SET type = %s, data = data - 'slug' WHERE position = %s", kind, position
        )
        problems = superuser.find_problems("open links")
        assert {problem.stream_id for problem in problems} == {
            UUID(id) for id in (*sealed_log.direct, sealed_log.reassigned)
        }

    def test_booking_on_an_expired_link(self, sealed_log: SealedLog, superuser: Superuser) -> None:
        position = sealed_log.find_position(sealed_log.link, "LinkUpdated")
        expired = '{"expires_at": "2020-01-01T00:00:00Z"}'
        superuser.plant_fault(
            "UPDATE {schema}.events SET data = data || %s::jsonb WHERE position = %s", expired, position
        )
        problems = superuser.find_problems("open links")
        assert ["expired" in problem.difference for problem in problems] == [True] * 3

    def test_impossible_history(self, sealed_log: SealedLog, superuser: Superuser) -> None:
        superuser.plant_fault(COPY, 4, "{}", sealed_log.find_position(sealed_log.tokens[0], "Rescheduled"))
        assert superuser.find_problems("stories") == []
        superuser.plant_fault(COPY, 4, "{}", sealed_log.find_position(sealed_log.tokens[1], "MeetingCancelled"))
        problem = superuser.find_problem("stories")
        assert problem.stream_id == UUID(sealed_log.tokens[1])
        assert "MeetingCancelled after MeetingCancelled" in problem.difference

    def test_unknown_event_and_time_running_backwards(self, sealed_log: SealedLog, superuser: Superuser) -> None:
        position = sealed_log.find_position(sealed_log.link, "LinkUpdated")
        superuser.plant_fault(
            "UPDATE {schema}.events SET type = 'LinkPinned.v1', recorded_at = '2020-01-01' WHERE position = %s",
            position,
        )
        report = superuser.verify_log()
        positions_by_check = {problem.check: (problem.stream_id, problem.position) for problem in report.problems}
        assert positions_by_check["types"] == positions_by_check["instants"] == (UUID(sealed_log.link), position)


class TestNewHosts:
    """What is said of a meeting that was given to another host."""

    def test_overlap_with_a_meeting_of_the_new_host(self, sealed_log: SealedLog, superuser: Superuser) -> None:
        """The new host had another meeting at that time, whoever the meeting was booked with."""
        position = sealed_log.find_position(sealed_log.reassigned, "MeetingReassigned")
        other_position = sealed_log.find_position(sealed_log.direct[0], "MeetingBooked")
        superuser.plant_fault(
            """UPDATE {schema}.events AS e SET data = e.data || jsonb_build_object(
                'held_from', o.data -> 'held_from', 'held_until', o.data -> 'held_until')
            FROM {schema}.events AS o WHERE e.position = %s AND o.position = %s""",
            position,
            other_position,
        )
        problem = superuser.find_problem("overlapping meetings")
        assert (problem.stream_id, problem.position) == (UUID(sealed_log.reassigned), position)

    def test_decided_on_a_version_that_was_not_in_force(self, sealed_log: SealedLog, superuser: Superuser) -> None:
        position = sealed_log.find_position(sealed_log.reassigned, "MeetingReassigned")
        superuser.plant_fault(
            "UPDATE {schema}.events SET data = jsonb_set(data, '{{host_versions,0}}', '77') WHERE position = %s",
            position,
        )
        problem = superuser.find_problem("versions in force")
        assert (problem.stream_id, problem.position) == (UUID(sealed_log.reassigned), position)
        assert "version 77 of host" in problem.difference


class TestSideTables:
    """Reservations, claims, personal details and read models."""

    def test_missing_reservation(self, sealed_log: SealedLog, superuser: Superuser) -> None:
        superuser.plant_fault("DELETE FROM {schema}.reservations WHERE booking_id = %s", sealed_log.tokens[0])
        problem = superuser.find_problem("reservations")
        assert problem.stream_id == UUID(sealed_log.tokens[0])
        assert problem.position == sealed_log.find_position(sealed_log.tokens[0], "Rescheduled")
        assert "is missing" in problem.difference

    def test_left_over_reservation(self, sealed_log: SealedLog, superuser: Superuser) -> None:
        query = """INSERT INTO {schema}.reservations SELECT %s, host_id, tstzrange('2031-01-01', '2031-01-02')
            FROM {schema}.reservations LIMIT 1"""
        superuser.plant_fault(query, sealed_log.tokens[1])
        problem = superuser.find_problem("reservations")
        assert problem.stream_id == UUID(sealed_log.tokens[1])
        assert problem.position == sealed_log.find_position(sealed_log.tokens[1], "MeetingCancelled")
        assert "left over" in problem.difference

    def test_moved_reservation(self, sealed_log: SealedLog, superuser: Superuser) -> None:
        query = "UPDATE {schema}.reservations SET during = tstzrange('2031-01-01', '2031-01-02') WHERE booking_id = %s"
        superuser.plant_fault(query, sealed_log.tokens[0])
        assert "and the log says" in superuser.find_problem("reservations").difference

    def test_reservation_of_who_hosts_it_no_longer(self, sealed_log: SealedLog, superuser: Superuser) -> None:
        query = """UPDATE {schema}.reservations SET host_id = (
            SELECT (data -> 'previous_host_ids' ->> 0)::uuid FROM {schema}.events WHERE position = %s
        ) WHERE booking_id = %s AND host_id = (
            SELECT (data -> 'host_ids' ->> 0)::uuid FROM {schema}.events WHERE position = %s)"""
        position = sealed_log.find_position(sealed_log.reassigned, "MeetingReassigned")
        superuser.plant_fault(query, position, sealed_log.reassigned, position)
        problems = superuser.find_problems("reservations")
        assert [(problem.stream_id, problem.position) for problem in problems] == [
            (UUID(sealed_log.reassigned), position)
        ] * 2
        assert sorted(problem.difference.split(" ")[-1] for problem in problems) == ["missing.", "stands."]

    def test_claims(self, sealed_log: SealedLog, superuser: Superuser) -> None:
        superuser.plant_fault("UPDATE {schema}.claims SET value = 'stolen' WHERE stream_id = %s", sealed_log.link)
        missing, left_over = superuser.find_problems("claims")
        assert missing.stream_id == left_over.stream_id == UUID(sealed_log.link)
        assert "'renamed' is not claimed" in missing.difference
        assert "'stolen' is claimed" in left_over.difference

    def test_edited_personal_details(self, sealed_log: SealedLog, superuser: Superuser) -> None:
        query = """UPDATE {schema}.personal_details
            SET data = jsonb_set(data, '{{guest,email}}', '"mallory@acme.example"')
            WHERE stream_id = %s"""
        superuser.plant_fault(query, sealed_log.direct[0])
        problem = superuser.find_problem("personal details")
        assert (problem.stream_id, problem.position) == (
            UUID(sealed_log.direct[0]),
            sealed_log.find_position(sealed_log.direct[0], "MeetingBooked"),
        )
        assert "were changed" in problem.difference
        assert "mallory" not in str(problem)

    @pytest.mark.parametrize("column", ["salt = decode('00', 'hex')", "stream_id = gen_random_uuid()"])
    def test_other_edits_of_personal_details(self, sealed_log: SealedLog, superuser: Superuser, column: str) -> None:
        superuser.plant_fault(
            f"UPDATE {{schema}}.personal_details SET {column} WHERE stream_id = %s", sealed_log.direct[0]
        )
        assert superuser.find_problem("personal details").position == sealed_log.find_position(
            sealed_log.direct[0], "MeetingBooked"
        )

    def test_deleted_personal_details(self, sealed_log: SealedLog, superuser: Superuser) -> None:
        superuser.plant_fault("DELETE FROM {schema}.personal_details WHERE stream_id = %s", sealed_log.direct[0])
        assert "no event says that they were erased" in superuser.find_problem("personal details").difference

    def test_personal_details_that_no_event_speaks_of(self, superuser: Superuser) -> None:
        superuser.plant_fault(
            """INSERT INTO {schema}.personal_details
            SELECT gen_random_uuid(), stream_id, salt, data, words FROM {schema}.personal_details LIMIT 1"""
        )
        assert "no event speaks of them" in superuser.find_problem("personal details").difference

    def test_erased_personal_details_are_no_problem(self, sealed_log: SealedLog, superuser: Superuser) -> None:
        query = """INSERT INTO {schema}.events (stream_id, version, type, data)
            SELECT stream_id, 3, 'PersonalDetailsErased.v1', jsonb_build_object('erasure_id', gen_random_uuid(),
            'details_ids', jsonb_build_array(data ->> 'details_id'))
            FROM {schema}.events WHERE position = %s"""
        superuser.plant_fault(query, sealed_log.find_position(sealed_log.direct[0], "MeetingBooked"))
        assert "although they were erased" in superuser.find_problem("personal details").difference
        superuser.plant_fault("DELETE FROM {schema}.personal_details WHERE stream_id = %s", sealed_log.direct[0])
        assert not {"personal details", "stories", "versions"} & {
            problem.check for problem in superuser.verify_log().problems
        }


class TestReadModels:
    """A row that is not what the log says, or is missing, or should not be there."""

    def find_live_table(self, sealed_log: SealedLog, name: str) -> str:
        return str(
            sealed_log.fetch_rows("SELECT live_table AS t FROM {schema}.read_models WHERE name = %s", name)[0]["t"]
        )

    def test_edited_row(self, sealed_log: SealedLog, superuser: Superuser) -> None:
        table = self.find_live_table(sealed_log, "meeting_log")
        superuser.plant_fault(
            f"UPDATE {{schema}}.{table} SET status = 'cancelled' WHERE booking_id = %s", sealed_log.direct[0]
        )
        report = superuser.verify_log()
        [problem] = report.problems
        assert (problem.check, problem.stream_id) == ("read model meeting_log", UUID(sealed_log.direct[0]))
        assert problem.position == sealed_log.find_position(sealed_log.direct[0], "MeetingBooked")
        assert problem.difference == "status is 'cancelled', not 'scheduled'."
        assert report.read_models["meeting_log"] == 1
        assert not report.is_clean

    def test_missing_and_left_over_rows(self, sealed_log: SealedLog, superuser: Superuser) -> None:
        links = self.find_live_table(sealed_log, "links")
        superuser.plant_fault(f"DELETE FROM {{schema}}.{links} WHERE link_id = %s", sealed_log.link)
        single_use_links = self.find_live_table(sealed_log, "single_use_links")
        superuser.plant_fault(
            f"UPDATE {{schema}}.{single_use_links} SET single_use_id = gen_random_uuid() WHERE single_use_id = %s",
            sealed_log.tokens[3],
        )
        report = superuser.verify_log()
        assert {name: n for name, n in report.read_models.items() if n} == {"links": 1, "single_use_links": 2}
        assert "its row is missing." in [
            problem.difference for problem in report.problems if problem.stream_id == UUID(sealed_log.link)
        ]

    def test_of_another_version(self, superuser: Superuser) -> None:
        superuser.plant_fault("UPDATE {schema}.read_models SET version = 99 WHERE name = 'people'")
        problem = superuser.find_problem("read model people")
        assert "not live" in problem.difference

    def test_follows_while_the_follower_is_behind(self, sealed_log: SealedLog, superuser: Superuser) -> None:
        """An event that is not followed yet is no difference."""
        superuser.plant_fault(COPY, 4, "{}", sealed_log.find_position(sealed_log.tokens[0], "Rescheduled"))
        assert set(superuser.verify_log().read_models.values()) == {0}
