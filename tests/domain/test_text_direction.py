"""What people typed is isolated from the sentence around it."""

import pytest

from domain.text_direction import isolate_text


@pytest.mark.parametrize("name", ["Grace Guest", "中村 優子", "👩🏽‍🚀", ""])
def test_leaves_a_name_that_reads_from_left_to_right(name: str) -> None:
    assert isolate_text(name) == name


@pytest.mark.parametrize("name", ["محمد الحسن", "מרים (ירושלים) 7", "Team שלום", "٣٤"])
def test_isolates_a_name_that_reads_from_right_to_left(name: str) -> None:
    assert isolate_text(name) == f"\u2068{name}\u2069"


def test_removes_controls_that_would_end_the_isolate() -> None:
    assert isolate_text("\u202eמר\u2069ים\u2066") == "\u2068מרים\u2069"
