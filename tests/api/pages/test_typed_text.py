"""What people typed, as pages render it."""

import pytest
from markupsafe import Markup

from api.pages.rendering.typed_text import render_isolated_text, render_names, render_typed_text, take_initial


def test_a_text_is_escaped_and_isolated() -> None:
    assert render_typed_text("<Ada>") == "<bdi>&lt;Ada&gt;</bdi>"
    assert render_typed_text(Markup("<b>Ada</b>")) == "<bdi><b>Ada</b></bdi>"
    assert render_typed_text(None) == ""
    assert render_typed_text(0) == "<bdi>0</bdi>"


def test_names_are_isolated_each() -> None:
    people = [{"name": "Ada"}, {"name": "מרים"}]
    assert render_names(people, " & ") == "<bdi>Ada</bdi> &amp; <bdi>מרים</bdi>"


def test_isolates_of_a_sentence_become_elements() -> None:
    assert render_isolated_text("Hello \u2068מרים\u2069, <b>") == "Hello <bdi>מרים</bdi>, &lt;b&gt;"


@pytest.mark.parametrize(
    ("name", "initial"),
    [
        ("ada", "A"),
        ("👩🏽‍🚀 Zoë", "👩🏽‍🚀"),
        ("🇵🇹 Rui", "🇵🇹"),
        ("🏳️‍🌈x", "🏳️‍🌈"),
        ("e\u0301va", "É"),
        ("מרים", "מ"),
        ("ष्ट", "ष्"),
    ],
)
def test_the_initial_is_a_whole_letter(name: str, initial: str) -> None:
    assert take_initial(name) == initial
