"""A link: what it allows, what it refuses, where it stays silent, and what its status is at an instant."""

from datetime import timedelta

import pytest

from domain import refusals
from domain.link import LinkDeleted, LinkDisabled, LinkEnabled, LinkUpdated
from tests.domain.example import NOW, build_context, create_link, list_event_types


class TestUpdate:
    """Changing properties."""

    def test_tells_every_property(self) -> None:
        core_link = create_link()
        core_link.update(core_link.properties.apply_changes({"name": "New"}), build_context())
        [event] = core_link.collect_events()
        assert isinstance(event, LinkUpdated)
        assert (event.name, event.slug, event.owner_id) == ("New", "intro", core_link.properties.owner_id)

    def test_silent_when_nothing_changes(self) -> None:
        core_link = create_link()
        core_link.update(core_link.properties.apply_changes({}), build_context())
        assert list_event_types(core_link) == []

    def test_refused_when_deleted(self) -> None:
        deleted_link = create_link()
        deleted_link.delete(build_context())
        with pytest.raises(refusals.LinkDeleted):
            deleted_link.update(deleted_link.properties.apply_changes({"name": "New"}), build_context())


class TestSwitch:
    """Off, on, deleted."""

    def test_each_once(self) -> None:
        switched = create_link()
        for _ in range(2):
            switched.disable(build_context())
        for _ in range(2):
            switched.enable(build_context())
        for _ in range(2):
            switched.delete(build_context())
        assert list_event_types(switched) == [LinkDisabled, LinkEnabled, LinkDeleted]

    def test_refused_when_deleted(self) -> None:
        deleted_link = create_link()
        deleted_link.delete(build_context())
        for command in (deleted_link.enable, deleted_link.disable):
            with pytest.raises(refusals.LinkDeleted):
                command(build_context())


class TestStatus:
    """The effective status, and the refusal that goes with it."""

    @pytest.mark.parametrize(
        ("seconds", "status"), [(1, "active"), (0, "expired"), (-1, "expired")], ids=["before", "at", "after"]
    )
    def test_expires_at_the_instant(self, seconds: int, status: str) -> None:
        assert create_link(expires_at=NOW + timedelta(seconds=seconds)).get_status(NOW) == status

    def test_deleted_before_disabled_before_expired(self) -> None:
        core_link = create_link(expires_at=NOW)
        assert core_link.get_status(NOW) == "expired"
        core_link.disable(build_context())
        assert core_link.get_status(NOW) == "disabled"
        core_link.delete(build_context())
        assert core_link.get_status(NOW) == "deleted"

    def test_each_is_refused_in_its_own_words(self) -> None:
        core_link = create_link(expires_at=NOW)
        with pytest.raises(refusals.LinkExpired):
            core_link.refuse_if_closed(NOW)
        core_link.refuse_if_closed(NOW - timedelta(seconds=1))
        core_link.disable(build_context())
        with pytest.raises(refusals.LinkDisabled):
            core_link.refuse_if_closed(NOW)
        core_link.delete(build_context())
        with pytest.raises(refusals.LinkDeleted):
            core_link.refuse_if_closed(NOW)
