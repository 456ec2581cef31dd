"""What erasure means for a token: it goes on as it was, and keeps no more reasons about whoever was erased."""

from uuid import uuid4

from domain.erasure import Erasure, PersonalDetailsErased
from domain.personal_details import compute_address_hmac
from domain.token import Token
from tests.domain.example import (
    book_token,
    build_booking_fields,
    build_context,
    issue_token,
    list_event_types,
    mark_saved,
)


def erase_details(token: Token, *names: str) -> Token:
    """The token with these of its details erased."""
    details_by_name = {
        "recipient": token.issued_event.details_id if token.issued_event else None,
        "guest": token.booked_event.details_id if token.booked_event else None,
    }
    token.erase(
        build_context(), erasure_id=uuid4(), details_ids=tuple(id for name in names if (id := details_by_name[name]))
    )
    return token


def book_with_details(token: Token) -> Token:
    """A token booked with details."""
    token.book(build_context(person=None), **build_booking_fields(), details_id=uuid4())
    return mark_saved(token)


def test_says_so_in_its_own_stream() -> None:
    token = erase_details(book_with_details(issue_token()), "guest")
    [event] = token.collect_events()
    assert isinstance(event, PersonalDetailsErased)
    assert token.booked_event is not None
    assert event.details_ids == (token.booked_event.details_id,)
    assert event.originator_id == token.id


def test_changes_nothing_else() -> None:
    token = mark_saved(erase_details(book_token()))
    assert token.meeting is not None
    token.cancel(build_context(), cancelled_by="host")
    assert token.cancelled


def test_keeps_reasons_about_those_who_are_still_known() -> None:
    """The recipient is erased, the guest is another."""
    token = book_with_details(issue_token())
    assert token.filter_text("Ill") == "Ill"
    assert erase_details(token, "recipient").filter_text("Ill") == "Ill"
    assert erase_details(token, "guest").filter_text("Ill") is None
    assert token.filter_text(None) is None


def test_an_erasure_ends_in_a_stream_of_its_own() -> None:
    id = uuid4()
    erasure = Erasure.create(id, build_context(), request_key=None, request_digest="digest")
    assert erasure.ended_event is not None
    assert (erasure.ended_event.erasure_id, erasure.ended_event.details_ids) == (id, ())
    assert list_event_types(erasure) == [PersonalDetailsErased]


def test_an_address_is_sealed_whatever_its_case_and_only_with_the_secret() -> None:
    assert compute_address_hmac("Ada@guest.example", "one") == compute_address_hmac("ada@GUEST.example", "one")
    assert compute_address_hmac("ada@guest.example", "one") != compute_address_hmac("ada@guest.example", "two")
    assert compute_address_hmac("ada@guest.example", "one") != compute_address_hmac("eve@guest.example", "one")
