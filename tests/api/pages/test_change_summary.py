"""What forms of links mean, and what edits touch: rules without a database."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from api.pages.links.change_summary import LINK_FIELDS, Wording, changes, compared
from api.pages.links.edit_impact import link_touched, managed_link_touched
from api.pages.links.form import as_typed, instant_of, instant_text
from api.pages.rendering.forms import WrongForm
from projections.links import Impact

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
INTRO, DEMO, MIRA, SAM = uuid4(), uuid4(), uuid4(), uuid4()
WORDING = Wording("Europe/Berlin", {INTRO: "Intro", DEMO: "Demo", MIRA: "Mira", SAM: "Sam"})
LINK: dict[str, Any] = {
    "name": "Intro",
    "slug": "intro",
    "meeting_type_id": INTRO,
    "co_host_ids": (),
    "expires_at": None,
    "in_library": False,
}
MANAGED: dict[str, Any] = {
    "name": "Tour",
    "slug": "tour",
    "meeting_type_id": INTRO,
    "host_ids": (MIRA, SAM),
    "expires_at": None,
}


def told(impact: tuple[int, int] = (37, 2), **edit: Any) -> Sequence[str]:
    """What an edit of the link touches."""
    known = Impact(active_single_use=impact[0], booked_upcoming=impact[1])
    return list(link_touched(LINK, LINK | edit, known, WORDING, NOW))


class TestTime:
    """A day and time as typed."""

    def test_is_read_in_the_zone_of_who_types(self) -> None:
        assert instant_of("2026-07-01T18:00", "Europe/Berlin") == datetime(2026, 7, 1, 16, tzinfo=UTC)

    def test_that_exists_twice_is_the_first(self) -> None:
        assert instant_of("2026-10-25T02:30", "Europe/Berlin") == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)

    def test_an_expiry_at_the_second_occurrence_is_kept_where_untouched(self) -> None:
        second = datetime(2026, 10, 25, 1, 30, 7, tzinfo=UTC)
        typed = as_typed(second, "Europe/Berlin")
        assert typed == "2026-10-25T02:30"
        assert instant_text(typed, "Europe/Berlin", None, second) == "2026-10-25T01:30:07Z"

    @pytest.mark.parametrize(
        ("typed", "words"),
        [
            ("2026-03-29T02:30", "put forward"),
            ("2026-02-30T10:00", "no such day"),
            ("0001-01-01T00:00", "no such day"),
            ("tomorrow", "Write a day"),
        ],
    )
    def test_that_does_not_exist_is_refused(self, typed: str, words: str) -> None:
        with pytest.raises(WrongForm) as refused:
            instant_of(typed, "Europe/Berlin")
        assert words in refused.value.errors["expires_at"]


class TestTouched:
    """What saving says it touches."""

    def test_a_new_meeting_type(self) -> None:
        assert told(meeting_type_id=DEMO) == [
            "37 unused single-use links will show the new meeting type Demo.",
            "2 booked meetings still to come stay as booked.",
        ]
        assert told((1, 1), meeting_type_id=DEMO) == [
            "1 unused single-use link will show the new meeting type Demo.",
            "1 booked meeting still to come stays as booked.",
        ]

    def test_nobody_where_nothing_waits(self) -> None:
        assert told((0, 0), meeting_type_id=DEMO, name="Other") == []

    def test_an_expiry(self) -> None:
        assert told(expires_at=datetime(2026, 12, 1, 17, tzinfo=UTC)) == [
            "37 unused single-use links will expire Tue 1 Dec 2026, 18:00."
        ]
        assert told(expires_at=NOW) == ["37 unused single-use links will expire at once, as this time is past."]

    def test_a_slug(self) -> None:
        [sentence] = told(slug="other")
        assert sentence.startswith("/book/intro stops working")
        assert sentence.endswith("37 unused single-use links keep their addresses.")

    def test_hosts_of_a_managed_link(self) -> None:
        impacts = {
            MIRA: Impact(active_single_use=2, booked_upcoming=0),
            SAM: Impact(active_single_use=5, booked_upcoming=1),
        }
        edit = MANAGED | {"host_ids": (MIRA,), "meeting_type_id": DEMO}
        assert list(managed_link_touched(MANAGED, edit, impacts, WORDING, NOW)) == [
            "2 unused single-use links will show the new meeting type Demo.",
            "The link of Sam is deleted for good: 5 unused single-use links of it stop working. "
            "1 booked meeting still to come stays as booked.",
        ]


class TestComparison:
    """Two edits of one thing."""

    def test_proposes_what_only_one_of_us_changed(self) -> None:
        theirs, mine = LINK | {"co_host_ids": (MIRA,)}, LINK | {"name": "Mine"}
        found = compared(LINK_FIELDS, LINK, theirs, mine, WORDING)
        by_field = {one.field: one for one in found.differences}
        assert {field: one.propose_mine for field, one in by_field.items()} == {"name": True, "co_host_ids": False}
        assert not any(one.clash for one in found.differences)
        assert by_field["co_host_ids"].theirs_typed == str(MIRA)
        assert found.agreed["meeting_type_id"] == str(INTRO)
        assert found.agreed.keys() | by_field.keys() == LINK_FIELDS.keys()

    def test_says_where_both_changed_the_same(self) -> None:
        [one] = compared(LINK_FIELDS, LINK, LINK | {"name": "Theirs"}, LINK | {"name": "Mine"}, WORDING).differences
        assert (one.clash, one.propose_mine, one.before, one.theirs, one.mine) == (
            *(True, True),
            *("Intro", "Theirs", "Mine"),
        )

    def test_agrees_on_what_both_changed_alike(self) -> None:
        same = LINK | {"in_library": True}
        found = compared(LINK_FIELDS, LINK, same, same, WORDING)
        assert found.differences == []
        assert found.agreed["in_library"] == "on"


def test_changes_name_who_goes_and_who_comes() -> None:
    before: dict[str, tuple[UUID, ...]] = {"co_host_ids": (MIRA,)}
    [one] = changes({"co_host_ids": "Co-hosts"}, before, {"co_host_ids": (SAM,)}, WORDING)
    assert (one.label, one.before, one.after) == ("Co-hosts", "Mira", "Sam")
