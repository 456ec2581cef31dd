"""The command that erases: everything of an address, in as many appends as it takes, once for each key."""

import pytest

from domain.commands import erasure
from domain.commands.erasure import ErasureCommands
from domain.refusals import Forbidden, IdempotencyKeyReused
from tests.domain.commands.command_driver import SECRETS, CommandDriver

ADA = "ada@guest.example"


def erase(driver: CommandDriver, email: str = ADA, key: str | None = None) -> erasure.ErasureResult:
    """Erase the details of an address, as an admin."""
    return driver.erasure.erase_personal_details(driver.build_admin_context(), email, key)


@pytest.mark.parametrize("email", [ADA, ADA.upper()])
def test_everything_of_an_address_is_erased(email: str, driver: CommandDriver) -> None:
    driver.book()
    driver.issue_token("bea@guest.example")
    result = erase(driver, email)
    assert (result.erased_details, result.position, result.replayed) == (2, driver.count_events(), False)
    assert [row.data["recipient"]["email"] for row in driver.log.details.values()] == ["bea@guest.example"]


def test_an_address_without_details_is_erased_too(driver: CommandDriver) -> None:
    result = erase(driver)
    assert (result.erased_details, driver.log.list_event_names()[-1]) == (0, "PersonalDetailsErased")


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 7])
def test_many_streams_take_several_appends(count: int, driver: CommandDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasure, "MAX_STREAMS_PER_APPEND", 3)
    for _ in range(count):
        driver.issue_token(ADA)
    append_count = driver.log.append_count
    assert erase(driver).erased_details == count
    assert driver.log.append_count - append_count == count // 3 + 1
    assert driver.log.details == {}


def test_an_interrupted_erasure_is_finished(driver: CommandDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second of two appends is lost: what the first one erased is counted."""
    monkeypatch.setattr(erasure, "MAX_STREAMS_PER_APPEND", 2)
    for _ in range(3):
        driver.issue_token(ADA)
    append, results = driver.log.append, iter([True, False])

    def append_once(*arguments: object) -> object:
        if not next(results, True):
            raise ConnectionError
        return append(*arguments)  # type: ignore[arg-type]

    driver.log.append = append_once  # type: ignore[method-assign, assignment]
    with pytest.raises(ConnectionError):
        erase(driver, key="key")
    assert len(driver.log.details) == 1
    assert erase(driver, key="key").erased_details == 3


@pytest.mark.parametrize("retired", [False, True], ids=["same secret", "after a new secret"])
def test_a_retry_is_answered_as_the_first_request(retired: bool, driver: CommandDriver) -> None:
    driver.book()
    first = erase(driver, key="key")
    if retired:
        driver.erasure = ErasureCommands(driver.application, ("a new secret", *SECRETS))
    second = erase(driver, ADA.upper(), "key")
    assert (second.id, second.position, second.at) == (first.id, first.position, first.at)
    assert (second.erased_details, second.replayed) == (first.erased_details, True)


def test_a_key_of_another_address_is_refused(driver: CommandDriver) -> None:
    erase(driver, key="key")
    with pytest.raises(IdempotencyKeyReused):
        erase(driver, "bea@guest.example", "key")


def test_a_key_of_something_else_is_refused(driver: CommandDriver) -> None:
    values = {"name": "Mine", "slug": None, "meeting_type_id": driver.meeting_type}
    driver.links.create_link(driver.build_admin_context(), values, "key", {})
    with pytest.raises(IdempotencyKeyReused):
        erase(driver, key="key")


def test_whose_details_they_were_is_not_in_the_log(driver: CommandDriver) -> None:
    erase(driver)
    text = driver.log.list_events()[-1].model_dump_json()
    assert not [part for part in ("ada@", "guest.example") if part in text]  # "ada" alone is in many a digest


def test_a_manager_may_not(driver: CommandDriver) -> None:
    with pytest.raises(Forbidden):
        driver.erasure.erase_personal_details(driver.build_context(role="manager"), ADA)
