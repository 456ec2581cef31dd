"""The choices of a month recounted: as they happened, with other weights, and after what became of the meetings."""

from itertools import count
from uuid import UUID, uuid4

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.choices.month_recount import Recount, Share, recount_choices
from domain.event import Event
from domain.member_choice import Candidate, MemberChoice
from domain.token_events import MeetingBooked, MeetingCancelled, MeetingReassigned, NoShowMarked, NoShowUnmarked
from tests.domain.example import JULIO, LINK, build_booking_fields, build_context, build_times

TEAM = UUID(int=50)
PEOPLE = [UUID(int=n) for n in (61, 62, 63)]
ANN, BEN, CY = PEOPLE


def choose(*candidates: tuple[UUID, int, int], person: UUID) -> MemberChoice:
    """A choice among candidates: person, count, weight."""
    rows = tuple(Candidate(person_id=id, count=number, weight=w, priority=0) for id, number, w in candidates)
    return MemberChoice(team_id=TEAM, team_version=1, person_id=person, candidates=rows)


def book(choice: MemberChoice | None, token: UUID | None = None) -> MeetingBooked:
    """A booking with a choice."""
    fields = {**build_booking_fields(), "host_ids": (JULIO,), "link_id": LINK, "chosen": choice}
    if choice is not None:
        fields["host_ids"] = (JULIO, choice.person_id)
    return MeetingBooked.from_context(token or uuid4(), 2, build_context(), details_id=uuid4(), **DIGEST, **fields)


DIGEST = {"details_digest": "0" * 64}


def list_counts(recount: Recount) -> dict[UUID, tuple[int, int]]:
    """How many each member had, and would have had."""
    return {one.person_id: (one.happened, one.recounted) for one in recount.members}


def build_month(weights: dict[UUID, int], size: int, free: list[set[UUID]]) -> list[Event]:
    """Meetings that the rule has shared out among who was free."""
    counts, last, steps = dict.fromkeys(PEOPLE, 0), dict.fromkeys(PEOPLE, -1), count()
    events: list[Event] = []
    for number in range(size):
        candidates = [id for id in PEOPLE if id in free[number % len(free)]]
        person = min(candidates, key=lambda id: (counts[id] / weights[id], last[id]))
        events.append(book(choose(*((id, counts[id], weights[id]) for id in candidates), person=person)))
        counts[person] += 1
        last[person] = next(steps)
    return events


@given(
    st.lists(st.sets(st.sampled_from(PEOPLE), min_size=1), min_size=1, max_size=6),
    st.tuples(*[st.integers(1, 4)] * 3),
)
@settings(max_examples=40, deadline=None)
def test_without_other_shares_everybody_has_what_they_had(free: list[set[UUID]], weights: tuple[int, int, int]) -> None:
    events = build_month(dict(zip(PEOPLE, weights, strict=True)), 12, free)
    recount = recount_choices(TEAM, events, {})
    assert (recount.choices, recount.different) == (12, 0)
    assert all(happened == recounted for happened, recounted in list_counts(recount).values())


def test_with_other_weights() -> None:
    events = build_month(dict.fromkeys(PEOPLE, 1), 12, [{ANN, BEN}])
    assert list_counts(recount_choices(TEAM, events, {ANN: Share(2)})) == {ANN: (6, 8), BEN: (6, 4)}
    assert list_counts(recount_choices(TEAM, events, {ANN: Share(1), BEN: Share(5)})) == {ANN: (6, 2), BEN: (6, 10)}


def test_among_who_was_free_then() -> None:
    events = build_month(dict.fromkeys(PEOPLE, 1), 6, [{ANN}, {BEN, CY}])
    counts = list_counts(recount_choices(TEAM, events, {ANN: Share(100), BEN: Share(2)}))
    assert counts == {ANN: (3, 3), BEN: (2, 2), CY: (1, 1)}


def test_a_count_that_began_with_the_average() -> None:
    events = [book(choose((ANN, 5, 1), (BEN, 4, 1), person=BEN)), book(choose((ANN, 5, 1), (BEN, 5, 1), person=ANN))]
    assert list_counts(recount_choices(TEAM, events, {})) == {BEN: (1, 1), ANN: (1, 1)}
    assert list_counts(recount_choices(TEAM, events, {BEN: Share(2)})) == {BEN: (1, 2), ANN: (1, 0)}


def test_what_became_of_the_meetings() -> None:
    tokens = [uuid4() for _ in range(4)]
    events: list[Event] = [book(choose((ANN, 0, 1), person=ANN), token) for token in tokens]
    context = build_context()
    events.append(
        MeetingCancelled.from_context(tokens[0], 3, context, cancelled_by="guest", details_id=uuid4(), **DIGEST)
    )
    events.append(
        MeetingCancelled.from_context(tokens[1], 3, context, cancelled_by="host", details_id=uuid4(), **DIGEST)
    )
    events.append(NoShowMarked.from_context(tokens[2], 3, context, tell_guest=False))
    assert list_counts(recount_choices(TEAM, events, {})) == {ANN: (2, 2)}
    events.append(NoShowUnmarked.from_context(tokens[2], 4, context))
    assert list_counts(recount_choices(TEAM, events, {})) == {ANN: (3, 3)}
    hosts = {"previous_host_ids": (JULIO, ANN), "host_ids": (JULIO, BEN), "host_versions": (1, 1)}
    times = build_times(context.now)
    events.append(MeetingReassigned.from_context(tokens[3], 3, context, meeting_type_version=1, **hosts, **times))
    assert list_counts(recount_choices(TEAM, events, {})) == {ANN: (2, 2), BEN: (1, 1)}


def test_other_teams_do_not_count() -> None:
    events = [book(None), book(choose((ANN, 0, 1), person=ANN).model_copy(update={"team_id": UUID(int=51)}))]
    assert recount_choices(TEAM, events, {}) == Recount([], 0, 0)
