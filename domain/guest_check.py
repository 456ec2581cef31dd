"""What a guest shows before a booking on a core link counts: a proof of work, or a code that was mailed to them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

ProofKind = Literal["proof_of_work", "mailed_code"]


@dataclass(frozen=True, slots=True)
class Proof:
    """Something that a guest has shown, and that books one meeting. The append spends it."""

    kind: ProofKind
    hash: bytes
    now: datetime
    expires_at: datetime


class GuestCheck(Protocol):
    """The check that an organisation asks for, with what a guest has sent for it."""

    def verify(self, link_id: UUID) -> Proof | None:
        """Returns what the guest has shown; None where nothing is asked for. It may be called again.

        Raises ProofOfWorkRequired, MailedCodeRequired, MailedCodeWrong.
        """
