"""Personal details beside the log: the row, and how an event refers to it."""

from uuid import UUID

from domain.personal_details import (
    compute_address_hmac,
    compute_digest,
    compute_key_digest,
    create_personal_details,
    create_text_details,
)

STREAM = UUID(int=7)


def test_equal_details_have_different_digests_because_each_row_has_its_salt() -> None:
    one, other = (create_personal_details(STREAM, {"name": "Grace"}, "Grace", None, "") for _ in range(2))
    assert (one.stream_id, one.data, one.words) == (STREAM, {"name": "Grace"}, "Grace")
    assert one.id != other.id
    assert one.digest != other.digest
    assert one.digest == compute_digest({"name": "Grace"}, one.salt)


def test_no_reason_makes_no_row() -> None:
    assert create_text_details(STREAM, "reason", None) == ((), {})


def test_a_reason_is_a_row_that_the_event_refers_to() -> None:
    [row], reference = create_text_details(STREAM, "reason", "ill")
    assert row.data == {"reason": "ill"}
    assert reference == {"details_id": row.id, "details_digest": row.digest}
    assert "ill" not in str(reference)


def test_an_address_is_recognised_whatever_its_case_and_by_no_other_secret() -> None:
    assert compute_address_hmac("Grace@Acme.example", "secret") == compute_address_hmac("grace@acme.example", "secret")
    assert compute_address_hmac("grace@acme.example", "secret") != compute_address_hmac("grace@acme.example", "another")


def test_a_key_is_kept_as_its_sha_256() -> None:
    assert compute_key_digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
