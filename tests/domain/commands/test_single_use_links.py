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
from tests.domain.commands.command_driver import LATER, CommandDriver

BODY = {"recipients": ["Ada", "Bea"]}


def issue(driver: CommandDriver, key: str | None, **fields: Any) -> tuple[CommandResult, list[UUID]]:
    """Issue two single-use links of Julio's link."""
    details = [
        SingleUseDetails({"name": name, "email": f"{name}@guest.example"}, label=name) for name in ("Ada", "Bea")
    ]
    context = fields.get("context") or driver.build_context()
    link = fields.get("link", driver.link)
    return driver.single_use_links.issue_links(context, link, details, key, fields.get("body", BODY))


def test_are_issued_in_one_append(driver: CommandDriver) -> None:
    event_count, append_count = driver.count_events(), driver.log.append_count
    result, ids = issue(driver, None)
    assert driver.log.list_event_names(since=event_count) == ["SingleUseIssued", "SingleUseIssued"]
    assert (driver.log.append_count, result.position) == (append_count + 1, driver.count_events())
    issued = [driver.load_token(id).issued_event for id in ids]
    assert [(event.issue_number, event.issue_count) for event in issued if event] == [(0, 2), (1, 2)]


def test_a_retry_is_answered_as_the_first_request(driver: CommandDriver) -> None:
    first, ids = issue(driver, "key")
    driver.book(ids[1])
    second, same_ids = issue(driver, "key")
    assert (second.id, second.position, second.at, same_ids) == (first.id, first.position, first.at, ids)
    assert (first.replayed, second.replayed) == (False, True)


def test_a_retry_within_the_request_is_no_replay(driver: CommandDriver) -> None:
    driver.log.faults = ["unanswered"]
    result, _ = issue(driver, None)
    assert not result.replayed


def test_a_digest_of_a_log_from_before_is_known(driver: CommandDriver) -> None:
    """Until 0.1 each was salted with the salt of its own details."""
    ids = derive_ids(derive_id(driver.julio, "key"), 2)
    for number, id in enumerate(ids):
        token, details = Token(id), create_personal_details(id, {"recipient": None})
        token.issue(
            driver.build_context(),
            link_id=driver.link,
            issued_by=driver.julio,
            issue_number=number,
            issue_count=2,
            details_id=details.id,
            request_digest=compute_digest(BODY, details.salt),
        )
        driver.application.append_events(token, conditions=AppendConditions(details=(details,)))
    result, found_ids = issue(driver, "key")
    assert (result.replayed, found_ids) == (True, ids)


@pytest.mark.parametrize("body", [{"recipients": ["Ada", "Eve"]}, {}], ids=str)
def test_a_key_of_another_body_is_refused(body: dict[str, Any], driver: CommandDriver) -> None:
    issue(driver, "key")
    with pytest.raises(IdempotencyKeyReused):
        issue(driver, "key", body=body)


def test_a_key_of_something_else_is_refused(driver: CommandDriver) -> None:
    values = {"name": "Mine", "slug": None, "meeting_type_id": driver.meeting_type}
    driver.links.create_link(driver.build_context(), values, "key", {})
    with pytest.raises(IdempotencyKeyReused):
        issue(driver, "key")


def test_a_retry_cannot_be_told_once_one_is_erased(driver: CommandDriver) -> None:
    issue(driver, "key")
    driver.erasure.erase_personal_details(driver.build_admin_context(), "Bea@guest.example")
    with pytest.raises(Erased):
        issue(driver, "key")


@pytest.mark.parametrize(("role", "refusal"), [("member", NotFound), ("auditor", Forbidden), ("analyst", Forbidden)])
def test_are_issued_only_by_who_may_copy_the_link(role: str, refusal: type[Refusal], driver: CommandDriver) -> None:
    with pytest.raises(refusal):
        issue(driver, None, context=driver.build_context(driver.anna, role))


def test_are_not_issued_from_a_deleted_link(driver: CommandDriver) -> None:
    driver.links.delete_link(driver.build_context(), driver.link)
    with pytest.raises(LinkDeleted):
        issue(driver, None)


def test_a_link_that_changed_elsewhere_is_read_again(driver: CommandDriver) -> None:
    """The cached version is stale: the append says so, and the decision runs on fresh reads."""
    other = driver.start_other_process()
    other.links.delete_link(other.build_context(), other.link)
    with pytest.raises(LinkDeleted):
        issue(driver, None)


class TestRevoke:
    """Withdrawing an unused link."""

    def test_keeps_the_reason_beside_the_log(self, driver: CommandDriver) -> None:
        token = driver.issue_token()
        assert driver.single_use_links.revoke_link(driver.build_context(), token, "Left the company")
        [_, event] = driver.log.read_stream(token)
        assert "Left the company" not in event.model_dump_json()
        assert driver.log.details[event.details_id].data == {"reason": "Left the company"}  # type: ignore[attr-defined]

    def test_is_silent_twice(self, driver: CommandDriver) -> None:
        token = driver.issue_token()
        revoke = driver.single_use_links.revoke_link
        assert revoke(driver.build_context(), token, None)
        assert revoke(driver.build_context(), token, None) is None

    def test_is_refused(self, driver: CommandDriver) -> None:
        revoke = driver.single_use_links.revoke_link
        booked, direct = driver.book().token.id, driver.book(slug="intro", start=LATER).token.id
        for id, refusal in ((booked, AlreadyBooked), (direct, NotFound), (driver.link, NotFound)):
            with pytest.raises(refusal):
                revoke(driver.build_context(), id, None)
        with pytest.raises(NotFound):
            revoke(driver.build_context(driver.anna), driver.issue_token(), None)
        assert driver.application.load_aggregate(Token, booked).booked_event is not None
