"""Handing mail over: to the SMTP server of the settings, or onto the console where there is none."""

import asyncio
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit
from uuid import uuid4

from anyio import CapacityLimiter, to_thread

from api.clock import now
from api.settings import Settings
from integrations.mail.mail_message import Letter, NotAnAddress, Sender, deliverable, message, written
from integrations.mail.smtp import NotHandedOver, SmtpLine

log = logging.getLogger("oncelink")

THREADS = 2


@dataclass(frozen=True, slots=True)
class Mail:
    """A letter as a message, ready to go."""

    letter: Letter
    text: bytes
    to: str


class Post:
    """Where mails go by the settings: one line to the server, or the console. It belongs to one event loop."""

    def __init__(self, settings: Settings) -> None:
        self.sender = Sender.of(settings.mail_from)
        self.line = SmtpLine(settings.smtp_url) if settings.smtp_url else None

    @property
    def by(self) -> Literal["smtp", "console"]:
        """How a mail goes out."""
        return "smtp" if self.line else "console"

    def mail(self, letter: Letter, message_id: str) -> Mail:
        """A letter, ready to go. Raises NotAnAddress."""
        text = message(letter, self.sender, message_id, now()).as_bytes()
        return Mail(letter, text, deliverable(letter.to_email))

    async def send(self, mail: Mail, before_data: Callable[[], bool] = lambda: True) -> None:
        """Hands a mail over, unless `before_data`, asked just before its text goes out, says no.

        Raises NotHandedOver.
        """
        if self.line is not None:
            await self.line.send(mail.text, self.sender.email, mail.to, before_data)
        elif before_data():
            print(on_console(mail.letter), file=sys.stderr, flush=True)

    async def hang_up(self) -> None:
        """Ends what is open."""
        if self.line is not None:
            await self.line.hang_up()


def on_console(letter: Letter) -> str:
    """A mail as the console shows it."""
    about = f"To: {letter.to_email}\nSubject: {letter.subject}"
    invitation = f"\n\n[with a calendar's entry, {letter.method}]" if letter.method else ""
    return f"\n{about}\n\n{written(letter, 'letter.txt').strip()}{invitation}\n"


class SignInMail:
    """Mails sign-in links beside the requests: in threads of its own, so that a slow mail server holds up nobody.

    They go the same way as all mail, but neither through the outbox nor into the log: a sign-in link holds a code, and
    the log, which is for ever, must hold none that works. One that is lost is asked for again.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.limiter: CapacityLimiter | None = None  # made in the event loop that it belongs to

    async def beside(self, work: Callable[..., None], *args: Any) -> None:
        """Does what ends in a mail, after the answer."""
        self.limiter = self.limiter or CapacityLimiter(THREADS)
        await to_thread.run_sync(work, *args, limiter=self.limiter)

    def send(self, letter: Letter) -> None:
        """Hands a letter over. A failure is loud in the log, without what the mail holds."""
        try:
            asyncio.run(self.handed_over(letter))
        except (NotHandedOver, NotAnAddress) as error:
            server = urlsplit(self.settings.smtp_url).hostname
            why = error.reason if isinstance(error, NotHandedOver) else "address_refused"
            log.error("A mail could not be handed over to %s: %s", server, why)

    async def handed_over(self, letter: Letter) -> None:
        """Sends one letter on a line of its own. Raises NotHandedOver, NotAnAddress."""
        post = Post(self.settings)
        try:
            await post.send(post.mail(letter, f"{uuid4()}@{post.sender.domain}"))
        finally:
            await post.hang_up()
