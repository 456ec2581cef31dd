"""Explains starts of a link, now or as of a point in time: the offer then, and what filled people's time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from api.http.dependencies import Caller
from api.services import Services
from domain.availability.hours import Interval
from domain.commands.aggregate_cache import AggregateCache
from domain.commands.command_application import CommandApplication
from domain.commands.offers import OfferCommands
from domain.offer import LinkOffer, pad_interval
from domain.permissions import require_link_switchable, require_link_visible
from domain.verdicts.judging import Judgement, Verdict, judge_start
from domain.verdicts.sentences import explain_verdict
from replay.instants import resolve_point_in_time
from replay.past_reader import PastLogReader
from store.busy_pieces import BusyPiece, find_busy_pieces
from store.recorder import LogRecorder

UNKNOWN_THEN = (
    "What stood in people’s own calendars then is not known any more. Their meetings, hours, holidays, absences and "
    "limits are."
)


@dataclass(frozen=True, slots=True)
class OfferThen:
    """A link's offer for starts within an interval, at an instant, and what fills the time of its people."""

    offer: LinkOffer
    now: datetime
    pieces: Mapping[UUID, Sequence[BusyPiece]]
    position: int | None = None

    def judge(self, start: datetime) -> Judgement:
        """Judge a start."""
        unavailable = {id: [piece.to_interval() for piece in pieces] for id, pieces in self.pieces.items()}
        return judge_start(self.offer, start, self.now, unavailable)

    @property
    def unknown(self) -> str | None:
        """What is not known of a past instant."""
        return None if self.position is None else UNKNOWN_THEN


def require_explainable(caller: Caller, offer: LinkOffer) -> None:
    """Pass who may change the link, and auditors. Raises Forbidden, NotFound."""
    require_link_visible(caller.context, offer.link)
    if "auditor" not in caller.context.roles:
        require_link_switchable(caller.context, offer.link)


def load_offer_then(
    services: Services, caller: Caller, link_id: UUID, within: Interval, at: int | datetime | None
) -> OfferThen:
    """Load a link's offer for starts within an interval, now or as of an instant or position.

    Raises NotFound where the link was not there, Forbidden, Invalid for a point that the log does not have, TryAgain.
    """
    if at is None:
        offer = services.scheduling.load_offer(link_id, fresh=True)
        require_explainable(caller, offer)
        people_ids = [person.id for person in offer.people]
        pieces = find_busy_pieces(services.database, people_ids, pad_interval(within))
        return OfferThen(services.scheduling.fill_periods(offer, within), caller.context.now, pieces)
    point = resolve_point_in_time(services.database, at, caller.context.now)
    reader = PastLogReader(services.database, point.position)
    commands = OfferCommands(CommandApplication(LogRecorder(services.database), reader, AggregateCache()))
    offer = commands.load_offer(link_id, fresh=True)
    require_explainable(caller, services.scheduling.load_offer(link_id, fresh=False))
    pieces = reader.find_busy_pieces([person.id for person in offer.people], pad_interval(within))
    return OfferThen(commands.fill_periods(offer, within), point.instant, pieces, point.position)


def describe_verdict(then: OfferThen, verdict: Verdict, start: datetime, viewer_id: UUID) -> dict[str, Any]:
    """Describe a verdict; what fills somebody's time is named to themselves alone."""
    person = verdict.person
    is_own = person is not None and person.id == viewer_id and verdict.policy == "time"
    return {
        "policy": verdict.policy,
        "passes": verdict.passes,
        "reason": explain_verdict(verdict, then.offer, start, then.now),
        "person": {"id": person.id, "name": person.properties.name} if person else None,
        "role": verdict.role,
        "fillings": list_fillings(then, start, viewer_id) if is_own else None,
    }


def list_fillings(then: OfferThen, start: datetime, person_id: UUID) -> list[dict[str, Any]]:
    """List what overlaps the time that a meeting at a start would take of a person."""
    interval = then.offer.compute_reserved_interval(start)
    return [
        {
            "begins_at": piece.begins,
            "ends_at": piece.ends,
            "booking_id": piece.booking_id,
            "calendar": piece.calendar,
        }
        for piece in then.pieces.get(person_id, ())
        if piece.begins < interval.end and (piece.ends is None or piece.ends > interval.start)
    ]
