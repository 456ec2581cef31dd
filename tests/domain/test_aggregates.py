"""What all aggregates share, and what people and meeting types add to it."""

import json
from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

import pytest

from domain.event import Event
from domain.meeting_type import MeetingTypeUpdated
from domain.person import OFFICE_HOURS, PersonActivated, PersonDeactivated
from domain.personal_details import compute_digest, encode_canonical_json
from domain.refusals import Refusal, VersionConflict
from tests.domain.example import (
    JULIO,
    NOW,
    add_person,
    build_context,
    create_link,
    create_meeting_type,
    list_event_types,
)


class TestAggregate:
    """Versions, copies, optimistic concurrency."""

    def test_a_copy_moves_without_its_original(self) -> None:
        original = create_link()
        changed_copy = original.copy_with_events(())
        changed_copy.disable(build_context())
        assert (original.disabled, original.version) == (False, 1)
        assert (changed_copy.disabled, changed_copy.version) == (True, 2)

    def test_expects_the_version_of_the_edit(self) -> None:
        core_link = create_link()
        core_link.expect_version(1)
        core_link.expect_version(None)
        with pytest.raises(VersionConflict):
            core_link.expect_version(2)

    def test_equal_properties_are_no_change_whatever_their_spelling(self) -> None:
        host = add_person()
        host.update(
            host.properties.apply_changes({"roles": ["member"], "weekly_hours": {**OFFICE_HOURS}}), build_context()
        )
        assert list_event_types(host) == []

    def test_signs_each_event_with_its_context(self) -> None:
        core_link, context = create_link(), build_context()
        core_link.disable(context)
        [event] = core_link.collect_events()
        assert (event.occurred_at, event.request_id, event.source) == (NOW, context.request_id, "api")
        assert event.actor == context.actor


class TestEvent:
    """Stored names and payloads."""

    def test_a_name_is_taken_once(self) -> None:
        with pytest.raises(TypeError, match="two event classes"):
            type("Again", (Event,), {"__doc__": "Again.", "__module__": __name__}, name="LinkDeleted.v1")

    def test_a_name_outside_the_catalogue_is_refused(self) -> None:
        with pytest.raises(KeyError):
            Event.from_stored(uuid4(), 1, "os.system", {})

    def test_is_stored_under_the_lowest_version_that_can_say_it(self) -> None:
        [first] = record_update(team_id=None)
        assert first.find_stored_name() == "LinkUpdated.v1"
        assert not {"team_id", "single_use_only"} & first.to_data().keys()
        [second] = record_update(team_id=JULIO)
        assert second.find_stored_name() == "LinkUpdated.v2"
        assert (second.to_data()["team_id"], second.to_data()["single_use_only"]) == (str(JULIO), False)
        for event in (first, second):
            assert json.loads(event.to_json()) == event.to_data()
            assert Event.from_stored(event.originator_id, 2, event.find_stored_name(), event.to_data()) == event

    def test_a_field_of_a_later_version_is_refused_in_an_earlier_one(self) -> None:
        [event] = record_update(team_id=JULIO)
        with pytest.raises(ValueError, match=r"LinkUpdated\.v1 has no fields"):
            Event.from_stored(event.originator_id, 2, "LinkUpdated.v1", event.to_data())

    def test_what_a_later_version_adds_has_a_default_that_nobody_changes(self) -> None:
        for event in Event.catalogue.values():
            for field in (field for fields in event.versions.values() for field in fields):
                info = event.model_fields[field]
                assert not info.is_required()
                assert info.default_factory is None
                hash(info.default)

    def test_every_name_says_its_class_and_version(self) -> None:
        assert len(Event.catalogue) >= 18
        for name, event in Event.catalogue.items():
            first_name = f"{name.partition('.')[0]}.v1"
            assert name in (f"{event.__name__}.v1", *event.versions)
            assert issubclass(event, Event.catalogue[first_name])  # so that who takes the first version takes all


def record_update(**changes: object) -> Sequence[Event]:
    """Record an update of a link's name and of these properties."""
    core_link = create_link()
    properties = core_link.properties.apply_changes({"name": "Renamed", **changes})
    core_link.update(properties, build_context())
    return core_link.collect_events()


class TestPerson:
    """Leaving, coming back, and keys from before."""

    def test_leaves_and_returns_once_each(self) -> None:
        member = add_person()
        for command in (member.activate, member.deactivate, member.deactivate, member.activate, member.activate):
            command(build_context())
        assert list_event_types(member) == [PersonDeactivated, PersonActivated]

    def test_keys_from_before_leaving_stay_ended(self) -> None:
        member = add_person()
        assert not member.has_left_since(NOW)
        member.deactivate(build_context(NOW + timedelta(hours=1)))
        member.activate(build_context(NOW + timedelta(hours=2)))
        assert member.has_left_since(NOW)
        assert not member.has_left_since(NOW + timedelta(hours=3))

    def test_working_hours_follow_every_change(self) -> None:
        member = add_person()
        assert member.working_hours.active
        member.deactivate(build_context())
        assert not member.working_hours.active


class TestMeetingType:
    """Rules, and changes of them."""

    def test_the_step_is_the_duration_unless_given(self) -> None:
        assert create_meeting_type().properties.rules.step == timedelta(minutes=30)
        assert create_meeting_type(slot_step_minutes=10).properties.rules.step == timedelta(minutes=10)

    def test_silent_when_nothing_changes(self) -> None:
        aggregate = create_meeting_type()
        aggregate.update(aggregate.properties.apply_changes({}), build_context())
        assert list_event_types(aggregate) == []
        aggregate.update(aggregate.properties.apply_changes({"duration_minutes": 60}), build_context())
        assert list_event_types(aggregate) == [MeetingTypeUpdated]


class TestDigest:
    """What stands for a request."""

    def test_equal_values_have_one_spelling(self) -> None:
        assert (
            encode_canonical_json({"b": 1, "a": "ü"})
            == encode_canonical_json({"a": "ü", "b": 1})
            == '{"a":"ü","b":1}'.encode()
        )

    def test_says_nothing_without_its_salt(self) -> None:
        assert (
            compute_digest({"a": 1}, b"salt")
            != compute_digest({"a": 1}, b"other")
            != compute_digest({"a": 2}, b"other")
        )


def test_every_refusal_is_a_sentence() -> None:
    refusals = Refusal.__subclasses__()
    assert len(refusals) > 20
    for refusal in refusals:
        assert refusal.__doc__
        assert refusal.__doc__.rstrip().endswith("."), refusal
