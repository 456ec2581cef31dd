"""Commands that refuse what they read, on a log in memory: no server, and nothing that could be appended to."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.popo import POPOFactory
from eventsourcing.utils import Environment

from domain.commands.command_application import Memory
from domain.commands.links import Publishing
from domain.commands.scheduling import Door, Scheduling
from domain.event import Event
from domain.refusals import Invalid, LinkNotFound, LinkUnconfirmed, NotFound, SlugTaken
from domain.token import Token
from tests.domain.example import JULIO, TYPE, at, booked, issued, link, meeting_type, person, saved


@dataclass
class FakeLog:
    """What these commands ask a log for, from streams that a test gives."""

    streams: dict[UUID, list[Event]] = field(default_factory=dict)
    slugs: dict[str, UUID] = field(default_factory=dict)
    unconfirmed: bool = False

    def add(self, *events: Event) -> UUID:
        """Adds a stream; its id."""
        self.streams[events[0].originator_id] = list(events)
        return events[0].originator_id

    def events_after(self, known: Mapping[UUID, int]) -> Mapping[UUID, Sequence[Event]]:
        """As the log answers it."""
        later = {id: self.streams.get(id, [])[version:] for id, version in known.items()}
        return {id: events for id, events in later.items() if events}

    def claimed(self, kind: str, values: Collection[str]) -> Mapping[str, UUID]:
        """As the log answers it."""
        return {value: self.slugs[value] for value in values if kind == "slug" and value in self.slugs}

    def is_unconfirmed(self, id: UUID) -> bool:
        """As the log answers it."""
        return self.unconfirmed


@pytest.fixture
def log() -> FakeLog:
    """An empty log."""
    return FakeLog()


@pytest.fixture
def scheduling(log: FakeLog) -> Scheduling:
    """The commands around meetings."""
    return Scheduling(POPOFactory(Environment("Scheduling")), log, Memory())  # type: ignore[arg-type]


@pytest.fixture
def publishing(log: FakeLog) -> Publishing:
    """The commands around links."""
    return Publishing(POPOFactory(Environment("Publishing")), log, Memory())  # type: ignore[arg-type]


def token_events(spontaneous: bool = False) -> list[Event]:
    """The stream of an unused token: a single-use link, or one that was made on the spot."""
    token = Token(uuid4())
    if spontaneous:
        token.issue_on_the_spot(UUID(int=3), at())
    else:
        token.issue(at(), link_id=UUID(int=3), issued_by=JULIO)
    return list(token.collect_events())


class TestLook:
    """What a guest sees behind a code or a slug."""

    @pytest.mark.parametrize("door", [Door(token_id=uuid4()), Door(slug="nowhere")], ids=["code", "slug"])
    def test_unknown(self, scheduling: Scheduling, door: Door) -> None:
        with pytest.raises(LinkNotFound):
            scheduling.look(door)

    def test_a_token_made_on_the_spot_has_no_page_of_its_own(self, scheduling: Scheduling, log: FakeLog) -> None:
        id = log.add(*token_events(spontaneous=True))
        with pytest.raises(LinkNotFound):
            scheduling.look(Door(token_id=id))

    def test_unused_as_far_as_a_restored_log_knows(self, scheduling: Scheduling, log: FakeLog) -> None:
        id = log.add(*token_events())
        log.unconfirmed = True
        with pytest.raises(LinkUnconfirmed):
            scheduling.look(Door(token_id=id))

    def test_a_slug_of_something_that_is_no_link(self, scheduling: Scheduling, log: FakeLog) -> None:
        log.slugs["demo"] = log.add(*token_events())
        with pytest.raises(LinkNotFound):
            scheduling.look(Door(slug="demo"))


class TestToken:
    """Which token a booking takes."""

    def test_no_token_is_made_up_for_an_unknown_code(self, scheduling: Scheduling) -> None:
        with pytest.raises(LinkNotFound):
            scheduling.token_to_book(uuid4(), None, at(), unseen=False)

    def test_a_core_link_gets_a_token_on_the_spot(self, scheduling: Scheduling) -> None:
        token = scheduling.token_to_book(uuid4(), UUID(int=3), at(), unseen=True)
        assert (token.link_id, token.issued, token.booked) == (UUID(int=3), None, None)

    def test_what_was_never_booked_cannot_be_moved(self, scheduling: Scheduling) -> None:
        with pytest.raises(NotFound):
            scheduling.offer_of_booking(issued())

    def test_a_booking_whose_meeting_type_is_unknown_cannot_be_moved(self, scheduling: Scheduling) -> None:
        with pytest.raises(NotFound):
            scheduling.offer_of_booking(booked())


class TestSlugs:
    """Which slug a link gets."""

    @pytest.mark.parametrize(
        ("claimed", "taken", "expected"),
        [
            ([], [], "intro"),
            (["intro"], [], "intro-2"),
            (["intro", "intro-2"], ["intro-3"], "intro-4"),
            (["intro", *(f"intro-{number}" for number in range(2, 101))], [], "intro-101"),
        ],
        ids=["free", "claimed", "claimed and taken", "a hundred of them"],
    )
    def test_the_first_that_is_free(
        self, publishing: Publishing, log: FakeLog, claimed: list[str], taken: list[str], expected: str
    ) -> None:
        log.slugs = dict.fromkeys(claimed, uuid4())
        assert publishing.free_name("intro", taken) == expected

    def test_a_link_may_keep_its_own(self, publishing: Publishing, log: FakeLog) -> None:
        own = uuid4()
        log.slugs["intro"] = own
        assert publishing.free_slug("intro", "Intro", own) == "intro"
        with pytest.raises(SlugTaken):
            publishing.free_slug("intro", "Intro", uuid4())

    def test_a_name_without_letters_still_makes_one(self, publishing: Publishing) -> None:
        assert publishing.free_slug(None, "…") == "link"


class TestParts:
    """What a link may refer to."""

    @pytest.fixture(autouse=True)
    def organisation(self, publishing: Publishing) -> None:
        """Julio and a meeting type, as they are remembered."""
        for aggregate in (person(), meeting_type()):
            publishing.memory.keep(aggregate)

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
    def test_refused(self, publishing: Publishing, more: dict[str, Any], field: str) -> None:
        with pytest.raises(Invalid) as refused:
            publishing.parts(link(**more).properties, fresh=False)
        assert refused.value.field == field

    def test_somebody_who_left_may_stay_and_not_be_added(self, publishing: Publishing) -> None:
        gone = person()
        gone.deactivate(at())
        publishing.memory.keep(saved(gone))
        with pytest.raises(Invalid):
            publishing.people("host_ids", [JULIO], fresh=False)
        assert [one.id for one in publishing.people("host_ids", [JULIO], fresh=False, kept=[JULIO])] == [JULIO]

    def test_a_meeting_type_is_found_as_it_is_remembered(self, publishing: Publishing) -> None:
        assert publishing.meeting_type(TYPE, fresh=False).properties.name == "Intro"
