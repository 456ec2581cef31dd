"""Telling people what happened to their meetings: what is still owed, and what became of it."""

from typing import Any
from uuid import UUID

from domain.commands.command_application import Journal
from domain.event import Context
from domain.notifications.calendar_delivery import CalendarFailed, CalendarRequested, CalendarWritten, Trouble
from domain.notifications.mail_delivery import MailFailed, MailRequested, MailSent, Reason, Told
from domain.notifications.outbox import BACK_OFF, MOST_UNKNOWN, Standing, Telling
from domain.refusals import NotFound
from domain.token import Token

EVENTS: dict[str, tuple[type[Told], type[Told], type[Told]]] = {
    "mail": (MailSent, MailFailed, MailRequested),
    "calendar": (CalendarWritten, CalendarFailed, CalendarRequested),
}


class Tellings(Journal):
    """The commands of the couriers, and of people who want something sent again."""

    def open(self, token_id: UUID, telling: Telling) -> Token | None:
        """The token, if this has to be told: the log decides, whatever the outbox's table still says."""
        token = self.get(Token, token_id)
        return token if token.outbox.is_open(telling) else None

    def sent(self, context: Context, token_id: UUID, telling: Telling, **payload: Any) -> int | None:
        """Says that it was handed over; silent when that is known. Raises NotFound, TryAgain."""
        return self.said(context, token_id, telling, EVENTS[telling.channel][0], payload)

    def failed(
        self, context: Context, token_id: UUID, telling: Telling, reason: Reason | Trouble, last: bool, **payload: Any
    ) -> int | None:
        """Says that it was not handed over, for good when this was the last attempt. Raises NotFound, TryAgain."""
        failed = EVENTS[telling.channel][1]
        return self.said(context, token_id, telling, failed, {"reason": reason, "last": last, **payload})

    def said(
        self, context: Context, token_id: UUID, telling: Telling, kind: type[Told], payload: dict[str, Any]
    ) -> int | None:
        """Appends what became of one attempt."""

        def decision(_: bool) -> int | None:
            token = self.get(Token, token_id)
            standing = token.outbox.standing(telling)
            more = {"attempt": standing.attempts + 1, **payload}
            if "reason" in more:
                more["last"] = more["last"] or is_last(standing, more["reason"])
            token.tell(kind, context, telling, **more)
            return self.append(token)

        return self.decide(decision)

    def send_again(self, context: Context, token_id: UUID, id: UUID) -> int | None:
        """Asks for a mail once more; silent while it is still owed. Raises NotFound, NothingToSend, TryAgain."""

        def decision(again: bool) -> int | None:
            token = self.get(Token, token_id)
            if again and (position := self.reader.request_position(token_id, context.request_id)):
                return position
            telling = next((one for one in token.outbox.tellings() if one.id(token_id) == id), None)
            if telling is None:
                raise NotFound
            token.ask_again(EVENTS[telling.channel][2], context, telling)
            return self.append(token)

        return self.decide(decision)


def is_last(standing: Standing, reason: Reason | Trouble) -> bool:
    """Whether a failure ends the attempts: there were enough, or it may have gone out as often as it may."""
    unknown = standing.unknown + (reason == "unknown_outcome")
    return standing.attempts >= len(BACK_OFF) or unknown >= MOST_UNKNOWN
