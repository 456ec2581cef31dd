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
from tests.domain.commands.memory_log import Fault
from tests.domain.commands.organisation import LATER, Organisation

RETRIED_FAULTS: list[list[Fault]] = [[], *([fault] for fault in get_args(Fault)), ["stale", "unanswered"]]
KEY = "a key of thirty-two random letters"


@dataclass
class Call:
    """One command, ready to be sent with a context, and what it appends."""

    send: Callable[[Context], int | None]
    context: Context
    events: list[str]


def prepare_update_link(organisation: Organisation) -> Call:
    """A change of a link, made on its first version."""
    return Call(
        lambda context: organisation.links.update_link(context, organisation.link, {"name": "New"}, version=1),
        organisation.build_context(),
        ["LinkUpdated"],
    )


def prepare_reschedule(organisation: Organisation) -> Call:
    """A meeting is moved."""
    token = organisation.book().token.id
    return Call(
        lambda context: organisation.scheduling.reschedule_meeting(context, token, LATER),
        organisation.build_guest_context(),
        ["Rescheduled"],
    )


def prepare_cancel(organisation: Organisation) -> Call:
    """A meeting is cancelled: a second attempt would be refused."""
    token = organisation.book().token.id
    return Call(
        lambda context: organisation.scheduling.cancel_meeting(context, token, None),
        organisation.build_guest_context(),
        ["MeetingCancelled"],
    )


def prepare_reassign(organisation: Organisation) -> Call:
    """A meeting is given to Anna."""
    token = organisation.book().token.id
    return Call(
        lambda context: organisation.reassignment.reassign_meeting(context, token, organisation.anna),
        organisation.build_context(role="manager"),
        ["MeetingReassigned"],
    )


def prepare_revoke(organisation: Organisation) -> Call:
    """A single-use link is revoked."""
    token = organisation.issue_token()
    return Call(
        lambda context: organisation.single_use_links.revoke_link(context, token, "Left"),
        organisation.build_context(),
        ["SingleUseRevoked"],
    )


def prepare_delete(organisation: Organisation) -> Call:
    """A link is deleted."""
    return Call(
        lambda context: organisation.links.delete_link(context, organisation.link),
        organisation.build_context(),
        ["LinkDeleted"],
    )


def prepare_create(organisation: Organisation) -> Call:
    """A meeting type is created without an Idempotency-Key: a retry would create another one."""
    properties = MeetingTypeProperties(name="Long", duration_minutes=60)
    return Call(
        lambda context: organisation.administration.create_meeting_type(context, properties).position,
        organisation.build_admin_context(),
        ["MeetingTypeCreated"],
    )


def prepare_book(organisation: Organisation) -> Call:
    """A meeting is booked on a core link without an Idempotency-Key."""
    return Call(
        lambda context: organisation.book(slug="intro", context=context).position,
        organisation.build_guest_context(),
        ["DirectIssued", "MeetingBooked"],
    )


def prepare_erase(organisation: Organisation) -> Call:
    """The details of a guest are erased."""
    organisation.book()
    return Call(
        lambda context: organisation.erasure.erase_personal_details(context, "ada@guest.example").position,
        organisation.build_admin_context(),
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
    prepare: Callable[[Organisation], Call], faults: list[Fault], organisation: Organisation
) -> None:
    log, call = organisation.log, prepare(organisation)
    event_count = organisation.count_events()
    log.faults = [*faults]
    position = call.send(call.context)
    assert log.faults == []
    assert log.list_event_names(since=event_count) == call.events
    assert position == organisation.count_events()


@pytest.mark.parametrize("fault", ["stale", "lost"])
@pytest.mark.parametrize("prepare", PREPARATIONS, ids=lambda prepare: prepare.__name__.removeprefix("prepare_"))
def test_gives_up_without_an_effect(
    prepare: Callable[[Organisation], Call], fault: Fault, organisation: Organisation
) -> None:
    call = prepare(organisation)
    event_count = organisation.count_events()
    organisation.log.faults = [fault] * 5
    with pytest.raises(TryAgain):
        call.send(call.context)
    assert organisation.count_events() == event_count


@pytest.mark.parametrize(
    ("faults", "waits"), [([], 0), (["stale"], 0), (["lost"], 0), (["unanswered"], 1), (["late"], 1)], ids=str
)
def test_waits_for_the_standbys_where_it_answers_from_the_log(
    faults: list[Fault], waits: int, organisation: Organisation
) -> None:
    call = prepare_cancel(organisation)
    waits_before, organisation.log.faults = organisation.log.standby_waits, faults
    call.send(call.context)
    assert organisation.log.standby_waits - waits_before == waits


@pytest.mark.parametrize(("version", "accepted"), [(None, True), (1, True), (0, False), (2, False)])
def test_expects_the_version_of_the_edit(version: int | None, accepted: bool, organisation: Organisation) -> None:
    context = organisation.build_context()
    if accepted:
        assert organisation.links.update_link(context, organisation.link, {"name": "New"}, version)
    else:
        with pytest.raises(VersionConflict):
            organisation.links.update_link(context, organisation.link, {"name": "New"}, version)


def test_a_change_by_another_request_is_no_answer(organisation: Organisation) -> None:
    """The lost append never happens, and somebody else disables the link meanwhile."""
    organisation.log.faults = ["lost"]
    position = organisation.links.switch_link(organisation.build_context(), organisation.link, on=False)
    assert position == organisation.count_events()
    assert organisation.links.switch_link(organisation.build_context(), organisation.link, on=False) is None


def test_what_is_refused_changes_no_cached_aggregate(organisation: Organisation) -> None:
    organisation.log.faults = ["stale"] * 5
    with pytest.raises(TryAgain):
        organisation.links.delete_link(organisation.build_context(), organisation.link)
    link = organisation.links.load_aggregate(Link, organisation.link, fresh=False)
    assert (link.deleted, link.version) == (False, 1)


@pytest.mark.parametrize("id", [UUID(int=77), None], ids=["nothing", "another kind"])
def test_what_does_not_exist_is_not_found(id: UUID | None, organisation: Organisation) -> None:
    with pytest.raises(NotFound):
        organisation.links.delete_link(organisation.build_context(), id or organisation.meeting_type)


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
        organisation: Organisation,
    ) -> None:
        create = organisation.administration.create_meeting_type
        properties = MeetingTypeProperties(name="Long", duration_minutes=60)
        first = create(organisation.build_admin_context(), properties, first_key, {"name": "Long"})
        event_count = organisation.count_events()
        if result == "refused":
            with pytest.raises(IdempotencyKeyReused):
                create(organisation.build_admin_context(), properties, second_key, body)
        else:
            second = create(organisation.build_admin_context(), properties, second_key, body)
            assert (first.replayed, second.replayed) == (False, result == "replayed")
            assert (second.id == first.id) == (second.position == first.position) == (result == "replayed")
        assert organisation.count_events() == event_count + (result == "created")

    def test_is_the_requester_s_own(self, organisation: Organisation) -> None:
        values = {"name": "Mine", "slug": None, "meeting_type_id": organisation.meeting_type}
        results = [
            organisation.links.create_link(organisation.build_context(person), values, KEY, {})
            for person in (organisation.julio, organisation.anna)
        ]
        assert len({result.id for result in results}) == 2
        assert not any(result.replayed for result in results)

    def test_of_something_else_is_refused(self, organisation: Organisation) -> None:
        properties = MeetingTypeProperties(name="Long", duration_minutes=60)
        organisation.administration.create_meeting_type(organisation.build_admin_context(), properties, KEY, {"a": 1})
        values = {"name": "Mine", "slug": None, "meeting_type_id": organisation.meeting_type}
        with pytest.raises(IdempotencyKeyReused):
            organisation.links.create_link(organisation.build_admin_context(), values, KEY, {"b": 2})

    def test_is_answered_from_the_first_event_whatever_came_after(self, organisation: Organisation) -> None:
        values = {"name": "Mine", "slug": None, "meeting_type_id": organisation.meeting_type}
        first = organisation.links.create_link(organisation.build_context(), values, KEY, {})
        organisation.links.update_link(organisation.build_context(), first.id, {"name": "Renamed"})
        second = organisation.links.create_link(organisation.build_context(), values, KEY, {})
        assert (second.id, second.position, second.at) == (first.id, first.position, first.at)

    def test_is_stored_as_a_digest(self, organisation: Organisation) -> None:
        properties = MeetingTypeProperties(name="Long", duration_minutes=60)
        result = organisation.administration.create_meeting_type(
            organisation.build_admin_context(), properties, KEY, {"a": 1}
        )
        [event] = organisation.log.read_stream(result.id)
        assert KEY not in event.model_dump_json()
