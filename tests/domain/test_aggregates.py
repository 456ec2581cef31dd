"""What all aggregates share, and what people and meeting types add to it."""

from datetime import timedelta
from uuid import uuid4

import pytest

from domain.event import Event
from domain.meeting_type import MeetingTypeUpdated
from domain.person import OFFICE_HOURS, PersonActivated, PersonDeactivated
from domain.personal_details import canonical, digest
from domain.refusals import Refusal, VersionConflict
from tests.domain.example import NOW, at, happened, link, meeting_type, person


class TestAggregate:
    """Versions, copies, optimistic concurrency."""

    def test_a_copy_moves_without_its_original(self) -> None:
        before = link()
        after = before.after(())
        after.disable(at())
        assert (before.disabled, before.version) == (False, 1)
        assert (after.disabled, after.version) == (True, 2)

    def test_expects_the_version_of_the_edit(self) -> None:
        thing = link()
        thing.expect(1)
        thing.expect(None)
        with pytest.raises(VersionConflict):
            thing.expect(2)

    def test_equal_properties_are_no_change_whatever_their_spelling(self) -> None:
        someone = person()
        someone.update(someone.properties.changed({"roles": ["member"], "weekly_hours": {**OFFICE_HOURS}}), at())
        assert happened(someone) == []

    def test_signs_each_event_with_its_context(self) -> None:
        thing, context = link(), at()
        thing.disable(context)
        [event] = thing.collect_events()
        assert (event.occurred_at, event.request_id, event.source) == (NOW, context.request_id, "api")
        assert event.actor == context.actor


class TestEvent:
    """Stored names and payloads."""

    def test_a_name_is_taken_once(self) -> None:
        with pytest.raises(TypeError, match="two event classes"):
            type("Again", (Event,), {"__doc__": "Again.", "__module__": __name__}, name="LinkDeleted.v1")

    def test_a_name_outside_the_catalogue_is_refused(self) -> None:
        with pytest.raises(KeyError):
            Event.stored(uuid4(), 1, "os.system", {})

    def test_every_name_says_its_class_and_version(self) -> None:
        assert len(Event.catalogue) >= 18
        for name, event in Event.catalogue.items():
            assert name == f"{event.__name__}.v1"


class TestPerson:
    """Leaving, coming back, and keys from before."""

    def test_leaves_and_returns_once_each(self) -> None:
        someone = person()
        for command in (someone.activate, someone.deactivate, someone.deactivate, someone.activate, someone.activate):
            command(at())
        assert happened(someone) == [PersonDeactivated, PersonActivated]

    def test_keys_from_before_leaving_stay_ended(self) -> None:
        someone = person()
        assert not someone.keys_end_at(NOW)
        someone.deactivate(at(NOW + timedelta(hours=1)))
        someone.activate(at(NOW + timedelta(hours=2)))
        assert someone.keys_end_at(NOW)
        assert not someone.keys_end_at(NOW + timedelta(hours=3))

    def test_working_hours_follow_every_change(self) -> None:
        someone = person()
        assert someone.working_hours.active
        someone.deactivate(at())
        assert not someone.working_hours.active


class TestMeetingType:
    """Rules, and changes of them."""

    def test_the_step_is_the_duration_unless_given(self) -> None:
        assert meeting_type().properties.rules.step == timedelta(minutes=30)
        assert meeting_type(slot_step_minutes=10).properties.rules.step == timedelta(minutes=10)

    def test_silent_when_nothing_changes(self) -> None:
        thing = meeting_type()
        thing.update(thing.properties.changed({}), at())
        assert happened(thing) == []
        thing.update(thing.properties.changed({"duration_minutes": 60}), at())
        assert happened(thing) == [MeetingTypeUpdated]


class TestDigest:
    """What stands for a request."""

    def test_equal_values_have_one_spelling(self) -> None:
        assert canonical({"b": 1, "a": "ü"}) == canonical({"a": "ü", "b": 1}) == '{"a":"ü","b":1}'.encode()

    def test_says_nothing_without_its_salt(self) -> None:
        assert digest({"a": 1}, b"salt") != digest({"a": 1}, b"other") != digest({"a": 2}, b"other")


def test_every_refusal_is_a_sentence() -> None:
    refusals = Refusal.__subclasses__()
    assert len(refusals) > 20
    for refusal in refusals:
        assert refusal.__doc__
        assert refusal.__doc__.rstrip().endswith("."), refusal
