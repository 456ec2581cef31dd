"""A link: what it allows, what it refuses, where it stays silent, and what its status is at an instant."""

from datetime import timedelta

import pytest

from domain import refusals
from domain.link import LinkDeleted, LinkDisabled, LinkEnabled, LinkUpdated
from tests.domain.example import NOW, at, happened, link


class TestUpdate:
    """Changing properties."""

    def test_tells_every_property(self) -> None:
        changed = link()
        changed.update(changed.properties.changed({"name": "New"}), at())
        [event] = changed.collect_events()
        assert isinstance(event, LinkUpdated)
        assert (event.name, event.slug, event.owner_id) == ("New", "intro", changed.properties.owner_id)

    def test_silent_when_nothing_changes(self) -> None:
        same = link()
        same.update(same.properties.changed({}), at())
        assert happened(same) == []

    def test_refused_when_deleted(self) -> None:
        gone = link()
        gone.delete(at())
        with pytest.raises(refusals.LinkDeleted):
            gone.update(gone.properties.changed({"name": "New"}), at())


class TestSwitch:
    """Off, on, deleted."""

    def test_each_once(self) -> None:
        switched = link()
        for _ in range(2):
            switched.disable(at())
        for _ in range(2):
            switched.enable(at())
        for _ in range(2):
            switched.delete(at())
        assert happened(switched) == [LinkDisabled, LinkEnabled, LinkDeleted]

    def test_refused_when_deleted(self) -> None:
        gone = link()
        gone.delete(at())
        for command in (gone.enable, gone.disable):
            with pytest.raises(refusals.LinkDeleted):
                command(at())


class TestStatus:
    """The effective status, and the refusal that goes with it."""

    @pytest.mark.parametrize(
        ("seconds", "status"), [(1, "active"), (0, "expired"), (-1, "expired")], ids=["before", "at", "after"]
    )
    def test_expires_at_the_instant(self, seconds: int, status: str) -> None:
        assert link(expires_at=NOW + timedelta(seconds=seconds)).status(NOW) == status

    def test_deleted_before_disabled_before_expired(self) -> None:
        thing = link(expires_at=NOW)
        assert thing.status(NOW) == "expired"
        thing.disable(at())
        assert thing.status(NOW) == "disabled"
        thing.delete(at())
        assert thing.status(NOW) == "deleted"

    def test_each_is_refused_in_its_own_words(self) -> None:
        thing = link(expires_at=NOW)
        with pytest.raises(refusals.LinkExpired):
            thing.refuse_if_closed(NOW)
        thing.refuse_if_closed(NOW - timedelta(seconds=1))
        thing.disable(at())
        with pytest.raises(refusals.LinkDisabled):
            thing.refuse_if_closed(NOW)
        thing.delete(at())
        with pytest.raises(refusals.LinkDeleted):
            thing.refuse_if_closed(NOW)
