"""Refusals: each has a stable code and a sentence for people."""

import pytest

from domain import refusals
from domain.refusals import Refusal


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (refusals.LinkUsed(), "link_used"),
        (refusals.NotFound(), "not_found"),
        (refusals.IdempotencyKeyReused(), "idempotency_key_reused"),
        (refusals.HostNotFree(), "slot_taken"),
        (refusals.ForeignOrigin(), "forbidden"),
        (refusals.Invalid("slug", "Too long."), "invalid"),
    ],
)
def test_a_code_is_the_class_name_or_that_of_a_wider_one(refusal: Refusal, code: str) -> None:
    assert refusal.code == code


def test_the_sentence_is_the_docstring() -> None:
    assert refusals.SlotTaken().sentence == "This time has just been taken. Please choose another one."


def test_what_is_invalid_is_named() -> None:
    refusal = refusals.Invalid("slug", "Too long.")
    assert (refusal.field, refusal.message) == ("slug", "Too long.")
