"""The command that erases: everything of an address, in as many appends as it takes, once for each key."""

import pytest

from domain.commands import erasure
from domain.commands.erasure import ErasureCommands
from domain.refusals import Forbidden, IdempotencyKeyReused
from tests.domain.commands.organisation import SECRETS, Organisation

ADA = "ada@guest.example"


def erase(organisation: Organisation, email: str = ADA, key: str | None = None) -> erasure.ErasureResult:
    """Erase the details of an address, as an admin."""
    return organisation.erasure.erase_personal_details(organisation.build_admin_context(), email, key)


@pytest.mark.parametrize("email", [ADA, ADA.upper()])
def test_everything_of_an_address_is_erased(email: str, organisation: Organisation) -> None:
    organisation.book()
    organisation.issue_token("bea@guest.example")
    result = erase(organisation, email)
    assert (result.erased_details, result.position, result.replayed) == (2, organisation.count_events(), False)
    assert [row.data["recipient"]["email"] for row in organisation.log.details.values()] == ["bea@guest.example"]


def test_an_address_without_details_is_erased_too(organisation: Organisation) -> None:
    result = erase(organisation)
    assert (result.erased_details, organisation.log.list_event_names()[-1]) == (0, "PersonalDetailsErased")


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 7])
def test_many_streams_take_several_appends(
    count: int, organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "MAX_STREAMS_PER_APPEND", 3)
    for _ in range(count):
        organisation.issue_token(ADA)
    append_count = organisation.log.append_count
    assert erase(organisation).erased_details == count
    assert organisation.log.append_count - append_count == count // 3 + 1
    assert organisation.log.details == {}


def test_an_interrupted_erasure_is_finished(organisation: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second of two appends is lost: what the first one erased is counted."""
    monkeypatch.setattr(erasure, "MAX_STREAMS_PER_APPEND", 2)
    for _ in range(3):
        organisation.issue_token(ADA)
    append, results = organisation.log.append, iter([True, False])

    def append_once(*arguments: object) -> object:
        if not next(results, True):
            raise ConnectionError
        return append(*arguments)  # type: ignore[arg-type]

    organisation.log.append = append_once  # type: ignore[method-assign, assignment]
    with pytest.raises(ConnectionError):
        erase(organisation, key="key")
    assert len(organisation.log.details) == 1
    assert erase(organisation, key="key").erased_details == 3


@pytest.mark.parametrize("retired", [False, True], ids=["same secret", "after a new secret"])
def test_a_retry_is_answered_as_the_first_request(retired: bool, organisation: Organisation) -> None:
    organisation.book()
    first = erase(organisation, key="key")
    if retired:
        organisation.erasure = ErasureCommands(organisation.application, ("a new secret", *SECRETS))
    second = erase(organisation, ADA.upper(), "key")
    assert (second.id, second.position, second.at) == (first.id, first.position, first.at)
    assert (second.erased_details, second.replayed) == (first.erased_details, True)


def test_a_key_of_another_address_is_refused(organisation: Organisation) -> None:
    erase(organisation, key="key")
    with pytest.raises(IdempotencyKeyReused):
        erase(organisation, "bea@guest.example", "key")


def test_a_key_of_something_else_is_refused(organisation: Organisation) -> None:
    values = {"name": "Mine", "slug": None, "meeting_type_id": organisation.meeting_type}
    organisation.links.create_link(organisation.build_admin_context(), values, "key", {})
    with pytest.raises(IdempotencyKeyReused):
        erase(organisation, key="key")


def test_whose_details_they_were_is_not_in_the_log(organisation: Organisation) -> None:
    erase(organisation)
    assert "ada" not in organisation.log.list_events()[-1].model_dump_json()


def test_a_manager_may_not(organisation: Organisation) -> None:
    with pytest.raises(Forbidden):
        organisation.erasure.erase_personal_details(organisation.build_context(role="manager"), ADA)
