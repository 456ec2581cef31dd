"""What erasure means for a token: it goes on as it was, and keeps no more reasons about whoever was erased."""

from uuid import uuid4

from domain.erasure import Erasure, PersonalDetailsErased
from domain.personal_details import sealed
from domain.token import Token
from tests.domain.example import at, booked, booking, happened, issued, saved


def of_details(token: Token, *names: str) -> Token:
    """The token with these of its details erased."""
    known = {
        "recipient": token.issued.details_id if token.issued else None,
        "guest": token.booked.details_id if token.booked else None,
    }
    token.erase(at(), erasure_id=uuid4(), details_ids=tuple(id for name in names if (id := known[name])))
    return token


def detailed(token: Token) -> Token:
    """A token booked with details."""
    token.book(at(person=None), **booking(), details_id=uuid4())
    return saved(token)


def test_says_so_in_its_own_stream() -> None:
    token = of_details(detailed(issued()), "guest")
    [event] = token.collect_events()
    assert isinstance(event, PersonalDetailsErased)
    assert token.booked is not None
    assert event.details_ids == (token.booked.details_id,)
    assert event.originator_id == token.id


def test_changes_nothing_else() -> None:
    token = saved(of_details(booked()))
    assert token.meeting is not None
    token.cancel(at(), cancelled_by="host")
    assert token.cancelled


def test_keeps_reasons_about_those_who_are_still_known() -> None:
    """The recipient is erased, the guest is another."""
    token = detailed(issued())
    assert token.reason_kept("Ill") == "Ill"
    assert of_details(token, "recipient").reason_kept("Ill") == "Ill"
    assert of_details(token, "guest").reason_kept("Ill") is None
    assert token.reason_kept(None) is None


def test_an_erasure_ends_in_a_stream_of_its_own() -> None:
    id = uuid4()
    erasure = Erasure.end(id, at(), request_key=None, request_digest="digest")
    assert erasure.ended is not None
    assert (erasure.ended.erasure_id, erasure.ended.details_ids) == (id, ())
    assert happened(erasure) == [PersonalDetailsErased]


def test_an_address_is_sealed_whatever_its_case_and_only_with_the_secret() -> None:
    assert sealed("Ada@guest.example", "one") == sealed("ada@GUEST.example", "one")
    assert sealed("ada@guest.example", "one") != sealed("ada@guest.example", "two")
    assert sealed("ada@guest.example", "one") != sealed("eve@guest.example", "one")
