"""Commands on single-use links: issuing many at once, answering a retry, and revoking."""

from typing import Any
from uuid import UUID

import pytest

from domain.commands.idempotent_creation import derive_id
from domain.commands.single_use_links import SingleUseDetails, derive_ids
from domain.log import AppendConditions, CommandResult
from domain.personal_details import compute_digest, create_personal_details
from domain.refusals import AlreadyBooked, Erased, Forbidden, IdempotencyKeyReused, LinkDeleted, NotFound, Refusal
from domain.token import Token
from tests.domain.commands.organisation import LATER, Organisation

BODY = {"recipients": ["Ada", "Bea"]}


def issue(organisation: Organisation, key: str | None, **fields: Any) -> tuple[CommandResult, list[UUID]]:
    """Issue two single-use links of Julio's link."""
    details = [
        SingleUseDetails({"name": name, "email": f"{name}@guest.example"}, label=name) for name in ("Ada", "Bea")
    ]
    context = fields.get("context") or organisation.build_context()
    link = fields.get("link", organisation.link)
    return organisation.single_use_links.issue_links(context, link, details, key, fields.get("body", BODY))


def test_are_issued_in_one_append(organisation: Organisation) -> None:
    event_count, append_count = organisation.count_events(), organisation.log.append_count
    result, ids = issue(organisation, None)
    assert organisation.log.list_event_names(since=event_count) == ["SingleUseIssued", "SingleUseIssued"]
    assert (organisation.log.append_count, result.position) == (append_count + 1, organisation.count_events())
    issued = [organisation.load_token(id).issued_event for id in ids]
    assert [(event.issue_number, event.issue_count) for event in issued if event] == [(0, 2), (1, 2)]


def test_a_retry_is_answered_as_the_first_request(organisation: Organisation) -> None:
    first, ids = issue(organisation, "key")
    organisation.book(ids[1])
    second, same_ids = issue(organisation, "key")
    assert (second.id, second.position, second.at, same_ids) == (first.id, first.position, first.at, ids)
    assert (first.replayed, second.replayed) == (False, True)


def test_a_retry_within_the_request_is_no_replay(organisation: Organisation) -> None:
    organisation.log.faults = ["unanswered"]
    result, _ = issue(organisation, None)
    assert not result.replayed


def test_a_digest_of_a_log_from_before_is_known(organisation: Organisation) -> None:
    """Until 0.1 each was salted with the salt of its own details."""
    ids = derive_ids(derive_id(organisation.julio, "key"), 2)
    for number, id in enumerate(ids):
        token, details = Token(id), create_personal_details(id, {"recipient": None})
        token.issue(
            organisation.build_context(),
            link_id=organisation.link,
            issued_by=organisation.julio,
            issue_number=number,
            issue_count=2,
            details_id=details.id,
            request_digest=compute_digest(BODY, details.salt),
        )
        organisation.application.append_events(token, conditions=AppendConditions(details=(details,)))
    result, found_ids = issue(organisation, "key")
    assert (result.replayed, found_ids) == (True, ids)


@pytest.mark.parametrize("body", [{"recipients": ["Ada", "Eve"]}, {}], ids=str)
def test_a_key_of_another_body_is_refused(body: dict[str, Any], organisation: Organisation) -> None:
    issue(organisation, "key")
    with pytest.raises(IdempotencyKeyReused):
        issue(organisation, "key", body=body)


def test_a_key_of_something_else_is_refused(organisation: Organisation) -> None:
    values = {"name": "Mine", "slug": None, "meeting_type_id": organisation.meeting_type}
    organisation.links.create_link(organisation.build_context(), values, "key", {})
    with pytest.raises(IdempotencyKeyReused):
        issue(organisation, "key")


def test_a_retry_cannot_be_told_once_one_is_erased(organisation: Organisation) -> None:
    issue(organisation, "key")
    organisation.erasure.erase_personal_details(organisation.build_admin_context(), "Bea@guest.example")
    with pytest.raises(Erased):
        issue(organisation, "key")


@pytest.mark.parametrize(("role", "refusal"), [("member", NotFound), ("auditor", Forbidden), ("analyst", Forbidden)])
def test_are_issued_only_by_who_may_copy_the_link(
    role: str, refusal: type[Refusal], organisation: Organisation
) -> None:
    with pytest.raises(refusal):
        issue(organisation, None, context=organisation.build_context(organisation.anna, role))


def test_are_not_issued_from_a_deleted_link(organisation: Organisation) -> None:
    organisation.links.delete_link(organisation.build_context(), organisation.link)
    with pytest.raises(LinkDeleted):
        issue(organisation, None)


def test_a_link_that_changed_elsewhere_is_read_again(organisation: Organisation) -> None:
    """The cached version is stale: the append says so, and the decision runs on fresh reads."""
    other = organisation.start_other_process()
    other.links.delete_link(other.build_context(), other.link)
    with pytest.raises(LinkDeleted):
        issue(organisation, None)


class TestRevoke:
    """Withdrawing an unused link."""

    def test_keeps_the_reason_beside_the_log(self, organisation: Organisation) -> None:
        token = organisation.issue_token()
        assert organisation.single_use_links.revoke_link(organisation.build_context(), token, "Left the company")
        [_, event] = organisation.log.read_stream(token)
        assert "Left the company" not in event.model_dump_json()
        assert organisation.log.details[event.details_id].data == {"reason": "Left the company"}  # type: ignore[attr-defined]

    def test_is_silent_twice(self, organisation: Organisation) -> None:
        token = organisation.issue_token()
        revoke = organisation.single_use_links.revoke_link
        assert revoke(organisation.build_context(), token, None)
        assert revoke(organisation.build_context(), token, None) is None

    def test_is_refused(self, organisation: Organisation) -> None:
        revoke = organisation.single_use_links.revoke_link
        booked, direct = organisation.book().token.id, organisation.book(slug="intro", start=LATER).token.id
        for id, refusal in ((booked, AlreadyBooked), (direct, NotFound), (organisation.link, NotFound)):
            with pytest.raises(refusal):
                revoke(organisation.build_context(), id, None)
        with pytest.raises(NotFound):
            revoke(organisation.build_context(organisation.anna), organisation.issue_token(), None)
        assert organisation.application.load_aggregate(Token, booked).booked_event is not None
