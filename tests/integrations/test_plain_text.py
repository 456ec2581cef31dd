"""What people typed, made safe for one line, for a calendar and for a name that no program makes a link of."""

import re

import pytest

from integrations.plain_text import DIRECTION_CHARACTERS, remove_direction_characters, to_display_name

# the Bidi_Control property of Unicode, UAX 9
BIDI_CONTROLS = [0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
LINKABLE = re.compile(r"https?:|www\.\w|\w@\w|\w[.。．｡]\w|//")


def test_every_control_of_direction_is_removed() -> None:
    assert set(map(chr, BIDI_CONTROLS)) < DIRECTION_CHARACTERS
    assert remove_direction_characters("".join(f"a{chr(code)}" for code in BIDI_CONTROLS)) == "a" * len(BIDI_CONTROLS)
    assert remove_direction_characters("שלום Ünï 👩‍👩‍👧 [x]^-") == "שלום Ünï 👩‍👩‍👧 [x]^-"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Grace Hopper", "Grace Hopper"),
        ("Dr. Ana-María O'Neil", "Dr. Ana-María O'Neil"),
        ("J.R.R. Tolkien", "J. R. R. Tolkien"),
        ("Win https://evil.example/a?b=c", "Win https evil. example a?b=c"),
        ("www.evil.example", "www. evil. example"),
        ("me@evil.example", "me evil. example"),
        ("evil。example", "evil。 example"),
        ("evil．example｡com", "evil． example｡ com"),
        ("mailto:a@b.example", "mailto a b. example"),
        ("\\\\server\\share", "server share"),
        ("\u202egnp.evil\u202c", "gnp. evil"),
        ("a.\u202eb", "a. b"),
    ],
)
def test_no_program_makes_a_link_of_a_display_name(name: str, expected: str) -> None:
    assert to_display_name(name) == expected
    assert not LINKABLE.search(to_display_name(name))
