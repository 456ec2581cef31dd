"""Erasing the personal details of a guest or recipient: everywhere, in the append that says so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4, uuid5

from eventsourcing.persistence import InfrastructureFactory

from domain.commands.command_application import Journal, Memory, of_kind
from domain.erasure import Erasure
from domain.event import Context
from domain.log import Conditions, Log
from domain.permissions import require
from domain.personal_details import key_digest, sealed
from domain.refusals import IdempotencyKeyReused
from domain.token import Token

MOST_STREAMS = 200  # of one append, each of which holds a lock


@dataclass(frozen=True, slots=True)
class Erased:
    """An erasure as it was carried out: how many rows of details are gone, of whichever streams."""

    id: UUID
    position: int
    at: datetime
    details: int
    replayed: bool = False


class Erasing(Journal):
    """The command that erases. `secrets` seal what a repeated request is recognised by, which is an address."""

    def __init__(self, factory: InfrastructureFactory, log: Log, memory: Memory, secrets: Sequence[str]) -> None:
        super().__init__(factory, log, memory)
        self.secrets = secrets

    def erase(self, context: Context, email: str, key: str | None = None) -> Erased:
        """Erases what is known of an address, whatever its case; answers a repeated request as it was answered.

        Everything of that address that was booked or issued before is erased, and nothing of it comes in between. An
        address with more streams than go into one append is erased in several: a repeated request finishes what was
        interrupted. Raises Forbidden, IdempotencyKeyReused, TryAgain.
        """
        require(context, "admin")
        id = uuid4() if key is None else uuid5(context.actor.id or uuid4(), key)

        def decision(fresh: bool) -> Erased:
            existing = None if key is None and not fresh else self.load([id]).get(id)
            if existing is not None:
                return self.as_it_was_erased(existing, context, email)
            found = self.reader.details_of_address(email, MOST_STREAMS)
            while len(found) == MOST_STREAMS:
                self.append(*self.tokens_erased(found, id, context))
                found = self.reader.details_of_address(email, MOST_STREAMS)
            request = {"request_key": key and key_digest(key), "request_digest": sealed(email, self.secrets[0])}
            end = Erasure.end(id, context, **request)
            position = self.append(
                *self.tokens_erased(found, id, context), end, conditions=Conditions(erased_address=email)
            )
            assert position is not None
            return Erased(id, position, context.now, self.reader.count_erased(id))

        return self.decide(decision)

    def tokens_erased(self, found: Mapping[UUID, Sequence[UUID]], id: UUID, context: Context) -> list[Token]:
        """The streams whose details are to be erased, each with the event that says so."""
        loaded = self.load(found)
        tokens = [of_kind(Token, loaded.get(stream_id)).after(()) for stream_id in found]
        for token in tokens:
            token.erase(context, erasure_id=id, details_ids=tuple(found[token.id]))
        return tokens

    def as_it_was_erased(self, found: object, context: Context, email: str) -> Erased:
        """The answer to whoever asked for this before. Raises IdempotencyKeyReused."""
        ended = found.ended if isinstance(found, Erasure) else None
        if ended is None or ended.request_digest not in [sealed(email, secret) for secret in self.secrets]:
            raise IdempotencyKeyReused
        position = self.reader.last_position(ended.originator_id)
        assert position is not None
        replayed = ended.request_id != context.request_id
        return Erased(
            ended.erasure_id, position, ended.occurred_at, self.reader.count_erased(ended.erasure_id), replayed
        )
