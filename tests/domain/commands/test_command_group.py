"""The skeleton of commands: whatever becomes of an append, a command has its effect once and is answered the same."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import get_args
from uuid import UUID

import pytest

from domain.event import Context
from domain.link import Link
from domain.meeting_type import MeetingTypeProperties
from domain.refusals import IdempotencyKeyReused, NotFound, TryAgain, VersionConflict
from tests.domain.commands.command_driver import LATER, CommandDriver
from tests.domain.commands.memory_log import Fault

RETRIED_FAULTS: list[list[Fault]] = [[], *([fault] for fault in get_args(Fault)), ["stale", "unanswered"]]
KEY = "a key of thirty-two random letters"


@dataclass
class Call:
    """One command, ready to be sent with a context, and what it appends."""

    send: Callable[[Context], int | None]
    context: Context
    events: list[str]


def prepare_update_link(driver: CommandDriver) -> Call:
    """A change of a link, made on its first version."""
    return Call(
        lambda context: driver.links.update_link(context, driver.link, {"name": "New"}, version=1),
        driver.build_context(),
        ["LinkUpdated"],
    )


def prepare_reschedule(driver: CommandDriver) -> Call:
    """A meeting is moved."""
    token = driver.book().token.id
    return Call(
        lambda context: driver.scheduling.reschedule_meeting(context, token, LATER),
        driver.build_guest_context(),
        ["Rescheduled"],
    )


def prepare_cancel(driver: CommandDriver) -> Call:
    """A meeting is cancelled: a second attempt would be refused."""
    token = driver.book().token.id
    return Call(
        lambda context: driver.scheduling.cancel_meeting(context, token, None),
        driver.build_guest_context(),
        ["MeetingCancelled"],
    )


def prepare_reassign(driver: CommandDriver) -> Call:
    """A meeting is given to Anna."""
    token = driver.book().token.id
    return Call(
        lambda context: driver.reassignment.reassign_meeting(context, token, driver.anna),
        driver.build_context(role="manager"),
        ["MeetingReassigned"],
    )


def prepare_revoke(driver: CommandDriver) -> Call:
    """A single-use link is revoked."""
    token = driver.issue_token()
    return Call(
        lambda context: driver.single_use_links.revoke_link(context, token, "Left"),
        driver.build_context(),
        ["SingleUseRevoked"],
    )


def prepare_delete(driver: CommandDriver) -> Call:
    """A link is deleted."""
    return Call(
        lambda context: driver.links.delete_link(context, driver.link),
        driver.build_context(),
        ["LinkDeleted"],
    )


def prepare_create(driver: CommandDriver) -> Call:
    """A meeting type is created without an Idempotency-Key: a retry would create another one."""
    properties = MeetingTypeProperties(name="Long", duration_minutes=60)
    return Call(
        lambda context: driver.administration.create_meeting_type(context, properties).position,
        driver.build_admin_context(),
        ["MeetingTypeCreated"],
    )


def prepare_book(driver: CommandDriver) -> Call:
    """A meeting is booked on a core link without an Idempotency-Key."""
    return Call(
        lambda context: driver.book(slug="intro", context=context).position,
        driver.build_guest_context(),
        ["DirectIssued", "MeetingBooked"],
    )


def prepare_erase(driver: CommandDriver) -> Call:
    """The details of a guest are erased."""
    driver.book()
    return Call(
        lambda context: driver.erasure.erase_personal_details(context, "ada@guest.example").position,
        driver.build_admin_context(),
        ["PersonalDetailsErased", "PersonalDetailsErased"],
    )


PREPARATIONS = [
    prepare_update_link,
    prepare_reschedule,
    prepare_cancel,
    prepare_reassign,
    prepare_revoke,
    prepare_delete,
    prepare_create,
    prepare_book,
    prepare_erase,
]


@pytest.mark.parametrize("faults", RETRIED_FAULTS, ids=lambda faults: ", then ".join(faults) or "no fault")
@pytest.mark.parametrize("prepare", PREPARATIONS, ids=lambda prepare: prepare.__name__.removeprefix("prepare_"))
def test_happens_once_whatever_became_of_the_append(
    prepare: Callable[[CommandDriver], Call], faults: list[Fault], driver: CommandDriver
) -> None:
    log, call = driver.log, prepare(driver)
    event_count = driver.count_events()
    log.faults = [*faults]
    position = call.send(call.context)
    assert log.faults == []
    assert log.list_event_names(since=event_count) == call.events
    assert position == driver.count_events()


@pytest.mark.parametrize("fault", ["stale", "lost"])
@pytest.mark.parametrize("prepare", PREPARATIONS, ids=lambda prepare: prepare.__name__.removeprefix("prepare_"))
def test_gives_up_without_an_effect(
    prepare: Callable[[CommandDriver], Call], fault: Fault, driver: CommandDriver
) -> None:
    call = prepare(driver)
    event_count = driver.count_events()
    driver.log.faults = [fault] * 5
    with pytest.raises(TryAgain):
        call.send(call.context)
    assert driver.count_events() == event_count


@pytest.mark.parametrize(
    ("faults", "waits"), [([], 0), (["stale"], 0), (["lost"], 0), (["unanswered"], 1), (["late"], 1)], ids=str
)
def test_waits_for_the_standbys_where_it_answers_from_the_log(
    faults: list[Fault], waits: int, driver: CommandDriver
) -> None:
    call = prepare_cancel(driver)
    waits_before, driver.log.faults = driver.log.standby_waits, faults
    call.send(call.context)
    assert driver.log.standby_waits - waits_before == waits


@pytest.mark.parametrize(("version", "accepted"), [(None, True), (1, True), (0, False), (2, False)])
def test_expects_the_version_of_the_edit(version: int | None, accepted: bool, driver: CommandDriver) -> None:
    context = driver.build_context()
    if accepted:
        assert driver.links.update_link(context, driver.link, {"name": "New"}, version)
    else:
        with pytest.raises(VersionConflict):
            driver.links.update_link(context, driver.link, {"name": "New"}, version)


def test_a_change_by_another_request_is_no_answer(driver: CommandDriver) -> None:
    """The lost append never happens, and somebody else disables the link meanwhile."""
    driver.log.faults = ["lost"]
    position = driver.links.switch_link(driver.build_context(), driver.link, on=False)
    assert position == driver.count_events()
    assert driver.links.switch_link(driver.build_context(), driver.link, on=False) is None


def test_what_is_refused_changes_no_cached_aggregate(driver: CommandDriver) -> None:
    driver.log.faults = ["stale"] * 5
    with pytest.raises(TryAgain):
        driver.links.delete_link(driver.build_context(), driver.link)
    link = driver.links.load_aggregate(Link, driver.link, fresh=False)
    assert (link.deleted, link.version) == (False, 1)


@pytest.mark.parametrize("id", [UUID(int=77), None], ids=["nothing", "another kind"])
def test_what_does_not_exist_is_not_found(id: UUID | None, driver: CommandDriver) -> None:
    with pytest.raises(NotFound):
        driver.links.delete_link(driver.build_context(), id or driver.meeting_type)


class TestKey:
    """The Idempotency-Key: `body` is what it stands for."""

    @pytest.mark.parametrize(
        ("first_key", "second_key", "body", "result"),
        [
            pytest.param(KEY, KEY, {"name": "Long"}, "replayed", id="same key, same body"),
            pytest.param(KEY, KEY, {"name": "Other"}, "refused", id="same key, other body"),
            pytest.param(KEY, "another key", {"name": "Long"}, "created", id="other key"),
            pytest.param(KEY, None, {"name": "Long"}, "created", id="without a key"),
            pytest.param(None, None, {"name": "Long"}, "created", id="twice without a key"),
            pytest.param(None, KEY, {"name": "Long"}, "created", id="a key at last"),
        ],
    )
    def test_a_second_request(
        self,
        first_key: str | None,
        second_key: str | None,
        body: dict[str, str],
        result: str,
        driver: CommandDriver,
    ) -> None:
        create = driver.administration.create_meeting_type
        properties = MeetingTypeProperties(name="Long", duration_minutes=60)
        first = create(driver.build_admin_context(), properties, first_key, {"name": "Long"})
        event_count = driver.count_events()
        if result == "refused":
            with pytest.raises(IdempotencyKeyReused):
                create(driver.build_admin_context(), properties, second_key, body)
        else:
            second = create(driver.build_admin_context(), properties, second_key, body)
            assert (first.replayed, second.replayed) == (False, result == "replayed")
            assert (second.id == first.id) == (second.position == first.position) == (result == "replayed")
        assert driver.count_events() == event_count + (result == "created")

    def test_is_the_requester_s_own(self, driver: CommandDriver) -> None:
        values = {"name": "Mine", "slug": None, "meeting_type_id": driver.meeting_type}
        results = [
            driver.links.create_link(driver.build_context(person), values, KEY, {})
            for person in (driver.julio, driver.anna)
        ]
        assert len({result.id for result in results}) == 2
        assert not any(result.replayed for result in results)

    def test_of_something_else_is_refused(self, driver: CommandDriver) -> None:
        properties = MeetingTypeProperties(name="Long", duration_minutes=60)
        driver.administration.create_meeting_type(driver.build_admin_context(), properties, KEY, {"a": 1})
        values = {"name": "Mine", "slug": None, "meeting_type_id": driver.meeting_type}
        with pytest.raises(IdempotencyKeyReused):
            driver.links.create_link(driver.build_admin_context(), values, KEY, {"b": 2})

    def test_is_answered_from_the_first_event_whatever_came_after(self, driver: CommandDriver) -> None:
        values = {"name": "Mine", "slug": None, "meeting_type_id": driver.meeting_type}
        first = driver.links.create_link(driver.build_context(), values, KEY, {})
        driver.links.update_link(driver.build_context(), first.id, {"name": "Renamed"})
        second = driver.links.create_link(driver.build_context(), values, KEY, {})
        assert (second.id, second.position, second.at) == (first.id, first.position, first.at)

    def test_is_stored_as_a_digest(self, driver: CommandDriver) -> None:
        properties = MeetingTypeProperties(name="Long", duration_minutes=60)
        result = driver.administration.create_meeting_type(driver.build_admin_context(), properties, KEY, {"a": 1})
        [event] = driver.log.read_stream(result.id)
        assert KEY not in event.model_dump_json()
