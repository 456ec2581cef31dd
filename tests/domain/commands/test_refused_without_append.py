"""Commands that refuse what they read, on a log in memory: they append nothing."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.commands.aggregate_cache import AggregateCache
from domain.commands.booking_request import BookingTarget
from domain.commands.command_application import CommandApplication
from domain.commands.links import LinkCommands
from domain.commands.scheduling import SchedulingCommands
from domain.event import Event
from domain.log import AppendConditions
from domain.refusals import Invalid, LinkNotFound, LinkUnconfirmed, NotFound, SlugTaken
from domain.token import Token
from tests.domain.commands.memory_log import MemoryLog
from tests.domain.example import (
    JULIO,
    TYPE,
    add_person,
    book_token,
    build_context,
    create_link,
    create_meeting_type,
    issue_token,
    mark_saved,
)


@pytest.fixture
def log() -> MemoryLog:
    """An empty log."""
    return MemoryLog()


@pytest.fixture
def scheduling(log: MemoryLog) -> SchedulingCommands:
    """The commands around meetings."""
    return SchedulingCommands(CommandApplication(log, log, AggregateCache()))


@pytest.fixture
def publishing(log: MemoryLog) -> LinkCommands:
    """The commands around links."""
    return LinkCommands(CommandApplication(log, log, AggregateCache()))


def add_stream(log: MemoryLog, events: list[Event]) -> UUID:
    """Add a stream to the log. Return its id."""
    log.append([log.mapper.to_stored_event(event) for event in events], AppendConditions())
    return events[0].originator_id


def build_token_events(spontaneous: bool = False) -> list[Event]:
    """The stream of an unused token: a single-use link, or one that was made on the spot."""
    token = Token(uuid4())
    if spontaneous:
        token.issue_directly(UUID(int=3), build_context())
    else:
        token.issue(build_context(), link_id=UUID(int=3), issued_by=JULIO)
    return list(token.collect_events())


class TestLook:
    """What a guest sees behind a code or a slug."""

    @pytest.mark.parametrize(
        "target", [BookingTarget(token_id=uuid4()), BookingTarget(slug="nowhere")], ids=["code", "slug"]
    )
    def test_unknown(self, scheduling: SchedulingCommands, target: BookingTarget) -> None:
        with pytest.raises(LinkNotFound):
            scheduling.resolve_target(target)

    def test_a_token_made_on_the_spot_has_no_page_of_its_own(
        self, scheduling: SchedulingCommands, log: MemoryLog
    ) -> None:
        id = add_stream(log, build_token_events(spontaneous=True))
        with pytest.raises(LinkNotFound):
            scheduling.resolve_target(BookingTarget(token_id=id))

    def test_unused_as_far_as_a_restored_log_knows(self, scheduling: SchedulingCommands, log: MemoryLog) -> None:
        id = add_stream(log, build_token_events())
        log.unconfirmed_ids.add(id)
        with pytest.raises(LinkUnconfirmed):
            scheduling.resolve_target(BookingTarget(token_id=id))

    def test_a_slug_of_something_that_is_no_link(self, scheduling: SchedulingCommands, log: MemoryLog) -> None:
        log.claims["slug", "demo"] = add_stream(log, build_token_events())
        with pytest.raises(LinkNotFound):
            scheduling.resolve_target(BookingTarget(slug="demo"))


class TestToken:
    """Which token a booking takes."""

    def test_no_token_is_made_up_for_an_unknown_code(self, scheduling: SchedulingCommands) -> None:
        with pytest.raises(LinkNotFound):
            scheduling.load_or_issue_token(uuid4(), None, build_context(), is_new_id=False)

    def test_a_core_link_gets_a_token_on_the_spot(self, scheduling: SchedulingCommands) -> None:
        token = scheduling.load_or_issue_token(uuid4(), UUID(int=3), build_context(), is_new_id=True)
        assert (token.link_id, token.issued_event, token.booked_event) == (UUID(int=3), None, None)

    def test_what_was_never_booked_cannot_be_moved(self, scheduling: SchedulingCommands) -> None:
        with pytest.raises(NotFound):
            scheduling.load_booking_offer(issue_token())

    def test_a_booking_whose_meeting_type_is_unknown_cannot_be_moved(self, scheduling: SchedulingCommands) -> None:
        with pytest.raises(NotFound):
            scheduling.load_booking_offer(book_token())


class TestSlugs:
    """Which slug a link gets."""

    @pytest.mark.parametrize(
        ("claimed", "used_slugs", "expected"),
        [
            ([], [], "intro"),
            (["intro"], [], "intro-2"),
            (["intro", "intro-2"], ["intro-3"], "intro-4"),
            (["intro", *(f"intro-{number}" for number in range(2, 101))], [], "intro-101"),
        ],
        ids=["free", "claimed", "claimed and taken", "a hundred of them"],
    )
    def test_the_first_that_is_free(
        self, publishing: LinkCommands, log: MemoryLog, claimed: list[str], used_slugs: list[str], expected: str
    ) -> None:
        log.claims = dict.fromkeys([("slug", slug) for slug in claimed], uuid4())
        assert publishing.find_free_slug("intro", used_slugs) == expected

    def test_a_link_may_keep_its_own(self, publishing: LinkCommands, log: MemoryLog) -> None:
        own = uuid4()
        log.claims["slug", "intro"] = own
        assert publishing.choose_slug("intro", "Intro", own) == "intro"
        with pytest.raises(SlugTaken):
            publishing.choose_slug("intro", "Intro", uuid4())

    def test_a_name_without_letters_still_makes_one(self, publishing: LinkCommands) -> None:
        assert publishing.choose_slug(None, "…") == "link"


class TestParts:
    """What a link may refer to."""

    @pytest.fixture(autouse=True)
    def organisation(self, publishing: LinkCommands) -> None:
        """Julio and a meeting type, as they are remembered."""
        for aggregate in (add_person(), create_meeting_type()):
            publishing.application.cache.put_aggregate(aggregate)

    @pytest.mark.parametrize(
        ("more", "field"),
        [
            ({"co_host_ids": (JULIO,)}, "co_host_ids"),
            ({"co_host_ids": (UUID(int=5), UUID(int=5))}, "co_host_ids"),
            ({"co_host_ids": (UUID(int=5),)}, "co_host_ids"),
            ({"meeting_type_id": UUID(int=5)}, "meeting_type_id"),
            ({"meeting_type_id": JULIO}, "meeting_type_id"),
        ],
        ids=["the owner", "one twice", "nobody", "no meeting type", "a person"],
    )
    def test_refused(self, publishing: LinkCommands, more: dict[str, Any], field: str) -> None:
        with pytest.raises(Invalid) as refused:
            publishing.load_dependencies(create_link(**more).properties, fresh=False)
        assert refused.value.field == field

    def test_somebody_who_left_may_stay_and_not_be_added(self, publishing: LinkCommands) -> None:
        gone = add_person()
        gone.deactivate(build_context())
        publishing.application.cache.put_aggregate(mark_saved(gone))
        with pytest.raises(Invalid):
            publishing.load_people("host_ids", [JULIO], fresh=False)
        assert [one.id for one in publishing.load_people("host_ids", [JULIO], fresh=False, kept_ids=[JULIO])] == [JULIO]

    def test_a_meeting_type_is_found_as_it_is_remembered(self, publishing: LinkCommands) -> None:
        assert publishing.load_meeting_type(TYPE, fresh=False).properties.name == "Intro"
