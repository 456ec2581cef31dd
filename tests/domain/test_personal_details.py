"""Personal details beside the log: the row, and how an event refers to it."""

from uuid import UUID

from domain.personal_details import digest, kept_beside, key_digest, reason_beside, sealed

STREAM = UUID(int=7)


def test_equal_details_have_different_digests_because_each_row_has_its_salt() -> None:
    one, other = (kept_beside(STREAM, {"name": "Grace"}, "Grace", None, "") for _ in range(2))
    assert (one.stream_id, one.data, one.words) == (STREAM, {"name": "Grace"}, "Grace")
    assert one.id != other.id
    assert one.digest != other.digest
    assert one.digest == digest({"name": "Grace"}, one.salt)


def test_no_reason_makes_no_row() -> None:
    assert reason_beside(STREAM, None) == ((), {})


def test_a_reason_is_a_row_that_the_event_refers_to() -> None:
    [row], reference = reason_beside(STREAM, "ill")
    assert row.data == {"reason": "ill"}
    assert reference == {"details_id": row.id, "details_digest": row.digest}
    assert "ill" not in str(reference)


def test_an_address_is_recognised_whatever_its_case_and_by_no_other_secret() -> None:
    assert sealed("Grace@Acme.example", "secret") == sealed("grace@acme.example", "secret")
    assert sealed("grace@acme.example", "secret") != sealed("grace@acme.example", "another")


def test_a_key_is_kept_as_its_sha_256() -> None:
    assert key_digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
