"""Codes: opaque, checked without a query, one spelling each, and never of use for another purpose."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.credentials.codes import CODE_LENGTH, Codes

OLD_KEY, NEW_KEY = "old " * 10, "new " * 10
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@given(st.uuids())
def test_opens_what_it_made(id: UUID) -> None:
    codes = Codes([NEW_KEY])
    code = codes.create_code(id, "book")
    assert len(code) == CODE_LENGTH
    assert set(code) <= set(ALPHABET)
    assert codes.open_code(code, "book") == id
    assert codes.open_code(code, "manage") is None
    assert id.hex not in code


@given(st.uuids(), st.integers(0, CODE_LENGTH - 1), st.sampled_from(ALPHABET))
def test_any_other_spelling_is_unknown(id: UUID, index: int, character: str) -> None:
    codes = Codes([NEW_KEY])
    code = codes.create_code(id, "book")
    changed_code = code[:index] + character + code[index + 1 :]
    assert codes.open_code(changed_code, "book") == (id if changed_code == code else None)


@given(st.text(max_size=60))
def test_anything_else_is_unknown(text: str) -> None:
    assert Codes([NEW_KEY]).open_code(text, "book") is None


@pytest.mark.parametrize(
    "change", [lambda code: code + "=", lambda code: code[:-1], lambda code: code.replace("-", "+")]
)
def test_base64_is_read_strictly(change: object) -> None:
    codes = Codes([NEW_KEY])
    code = next(code for code in (codes.create_code(uuid4(), "book") for _ in range(1000)) if "-" in code)
    assert codes.open_code(change(code), "book") is None  # type: ignore[operator]


def test_old_keys_open_and_the_first_makes() -> None:
    id = uuid4()
    old_codes, rotated_codes = Codes([OLD_KEY]), Codes([NEW_KEY, OLD_KEY])
    assert rotated_codes.open_code(old_codes.create_code(id, "manage"), "manage") == id
    assert rotated_codes.create_code(id, "manage") != old_codes.create_code(id, "manage")
    assert old_codes.open_code(rotated_codes.create_code(id, "manage"), "manage") is None


def test_no_key_is_refused() -> None:
    with pytest.raises(ValueError, match="secret key"):
        Codes([])
