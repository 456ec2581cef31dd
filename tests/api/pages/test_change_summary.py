"""What forms of links mean, and what edits touch: rules without a database."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from api.pages.links.change_summary import LINK_FIELDS, ValueFormatter, compare_edits, list_changes
from api.pages.links.edit_impact import describe_link_effects, describe_managed_link_effects
from api.pages.links.form import format_local_time, parse_expiry, parse_local_time
from api.pages.rendering.forms import InvalidForm
from projections.links import Impact

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
INTRO, DEMO, MIRA, SAM = uuid4(), uuid4(), uuid4(), uuid4()
FORMATTER = ValueFormatter("Europe/Berlin", {INTRO: "Intro", DEMO: "Demo", MIRA: "Mira", SAM: "Sam"})
LINK: dict[str, Any] = {
    "name": "Intro",
    "slug": "intro",
    "meeting_type_id": INTRO,
    "co_host_ids": (),
    "team_id": None,
    "single_use_only": False,
    "default_lifetime_days": None,
    "expires_at": None,
    "in_library": False,
}
MANAGED: dict[str, Any] = {
    "name": "Tour",
    "slug": "tour",
    "meeting_type_id": INTRO,
    "host_ids": (MIRA, SAM),
    "team_id": None,
    "single_use_only": False,
    "default_lifetime_days": None,
    "expires_at": None,
}


def describe_effects(impact: tuple[int, int] = (37, 2), **edit: Any) -> Sequence[str]:
    """Describe the effects of an edit of the link."""
    link_impact = Impact(active_single_use=impact[0], booked_upcoming=impact[1])
    return list(describe_link_effects(LINK, LINK | edit, link_impact, FORMATTER, NOW))


class TestTime:
    """A day and time as typed."""

    def test_is_read_in_the_zone_of_who_types(self) -> None:
        assert parse_local_time("2026-07-01T18:00", "Europe/Berlin") == datetime(2026, 7, 1, 16, tzinfo=UTC)

    def test_that_exists_twice_is_the_first(self) -> None:
        assert parse_local_time("2026-10-25T02:30", "Europe/Berlin") == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)

    def test_an_expiry_at_the_second_occurrence_is_kept_where_untouched(self) -> None:
        second_occurrence = datetime(2026, 10, 25, 1, 30, 7, tzinfo=UTC)
        text = format_local_time(second_occurrence, "Europe/Berlin")
        assert text == "2026-10-25T02:30"
        assert parse_expiry(text, "Europe/Berlin", None, second_occurrence) == "2026-10-25T01:30:07Z"

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("2026-03-29T02:30", "put forward"),
            ("2026-02-30T10:00", "no such day"),
            ("0001-01-01T00:00", "no such day"),
            ("tomorrow", "Write a day"),
        ],
    )
    def test_that_does_not_exist_is_refused(self, text: str, message: str) -> None:
        with pytest.raises(InvalidForm) as refusal:
            parse_local_time(text, "Europe/Berlin")
        assert message in refusal.value.errors["expires_at"]


class TestEffects:
    """What saving says it touches."""

    def test_a_new_meeting_type(self) -> None:
        assert describe_effects(meeting_type_id=DEMO) == [
            "37 unused single-use links will show the new meeting type Demo.",
            "2 booked meetings still to come stay as booked.",
        ]
        assert describe_effects((1, 1), meeting_type_id=DEMO) == [
            "1 unused single-use link will show the new meeting type Demo.",
            "1 booked meeting still to come stays as booked.",
        ]

    def test_nobody_where_nothing_waits(self) -> None:
        assert describe_effects((0, 0), meeting_type_id=DEMO, name="Other") == []

    def test_an_expiry(self) -> None:
        assert describe_effects(expires_at=datetime(2026, 12, 1, 17, tzinfo=UTC)) == [
            "37 unused single-use links will expire Tue 1 Dec 2026, 18:00."
        ]
        assert describe_effects(expires_at=NOW) == [
            "37 unused single-use links will expire at once, as this time is past."
        ]

    def test_a_slug(self) -> None:
        [sentence] = describe_effects(slug="other")
        assert sentence.startswith("/book/intro stops working")
        assert sentence.endswith("37 unused single-use links keep their addresses.")

    def test_hosts_of_a_managed_link(self) -> None:
        impacts = {
            MIRA: Impact(active_single_use=2, booked_upcoming=0),
            SAM: Impact(active_single_use=5, booked_upcoming=1),
        }
        edit = MANAGED | {"host_ids": (MIRA,), "meeting_type_id": DEMO}
        assert list(describe_managed_link_effects(MANAGED, edit, impacts, FORMATTER, NOW)) == [
            "2 unused single-use links will show the new meeting type Demo.",
            "The link of Sam is deleted for good: 5 unused single-use links of it stop working. "
            "1 booked meeting still to come stays as booked.",
        ]


class TestComparison:
    """Two edits of one thing."""

    def test_proposes_what_only_one_of_us_changed(self) -> None:
        other_edit, own_edit = LINK | {"co_host_ids": (MIRA,)}, LINK | {"name": "Mine"}
        comparison = compare_edits(LINK_FIELDS, LINK, other_edit, own_edit, FORMATTER)
        by_field = {difference.field: difference for difference in comparison.differences}
        assert {field: difference.propose_mine for field, difference in by_field.items()} == {
            "name": True,
            "co_host_ids": False,
        }
        assert not any(difference.clash for difference in comparison.differences)
        assert by_field["co_host_ids"].theirs_typed == str(MIRA)
        assert comparison.agreed["meeting_type_id"] == str(INTRO)
        assert comparison.agreed.keys() | by_field.keys() == LINK_FIELDS.keys()

    def test_says_where_both_changed_the_same(self) -> None:
        [difference] = compare_edits(
            LINK_FIELDS, LINK, LINK | {"name": "Theirs"}, LINK | {"name": "Mine"}, FORMATTER
        ).differences
        assert (difference.clash, difference.propose_mine, difference.before, difference.theirs, difference.mine) == (
            *(True, True),
            *("Intro", "Theirs", "Mine"),
        )

    def test_agrees_on_what_both_changed_alike(self) -> None:
        equal_edit = LINK | {"in_library": True}
        comparison = compare_edits(LINK_FIELDS, LINK, equal_edit, equal_edit, FORMATTER)
        assert comparison.differences == []
        assert comparison.agreed["in_library"] == "on"


def test_changes_name_who_goes_and_who_comes() -> None:
    fields_before: dict[str, tuple[UUID, ...]] = {"co_host_ids": (MIRA,)}
    [change] = list_changes({"co_host_ids": "Co-hosts"}, fields_before, {"co_host_ids": (SAM,)}, FORMATTER)
    assert (change.label, change.before, change.after) == ("Co-hosts", "Mira", "Sam")
