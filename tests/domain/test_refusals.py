"""A refusal: the code of the contract, and the sentence that people read."""

import pytest

from domain import refusals


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (refusals.LinkUsed(), "link_used"),
        (refusals.IdempotencyKeyReused(), "idempotency_key_reused"),
        (refusals.NotFound(), "not_found"),
        (refusals.ForeignOrigin(), "forbidden"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_code_is_the_name_in_snake_case(refusal: refusals.Refusal, code: str) -> None:
    assert refusal.code == code
    assert refusal.sentence == (type(refusal).__doc__ or "").strip()


def test_what_is_invalid_names_the_field() -> None:
    refusal = refusals.Invalid("slug", "Too long.")
    assert (refusal.field, refusal.message, refusal.code) == ("slug", "Too long.", "invalid")
