"""The courier: hands over what the outbox owes, one thing at a time, and says in the log what became of it.

It takes a lease, asks the log whether the thing is still owed, hands it over while it holds neither a transaction nor a
connection, and appends the outcome. A courier that dies leaves its lease to end: if the text was not yet going out,
another one simply begins again; if it was, that attempt's outcome is unknown, which the log says before a second and
last attempt with the same Message-ID.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from threading import Event
from uuid import UUID, uuid4

from api.clock import now
from api.services import Oncelink
from domain.event import Actor, Context
from domain.notifications.outbox import Telling
from domain.person import Person
from domain.refusals import ReadModelBehind, Refusal, TryAgain
from domain.token import Token
from integrations.mail.mail_message import NotAnAddress
from integrations.mail.mail_transport import Mail, Post
from integrations.mail.meeting_mails import NobodyToTell, letter_for
from integrations.mail.smtp import NotHandedOver
from integrations.meeting_details import facts_of
from projections.following.background_worker import Supervised, Worker
from projections.following.leases import Leases, Taken
from store.database import DatabaseAway

log = logging.getLogger("oncelink")

IDLE_SECONDS = 1.0  # polling is the guarantee, a wake-up only makes it sooner
SOON_SECONDS = 0.05  # the read model is milliseconds behind the log
SOON_LOOKS = 20
LEASE = timedelta(seconds=90)
TALK_SECONDS = 45.0  # for all of one mail; a lease is longer
FIRST_PAUSE_SECONDS = 1.0  # while the server is away, one mail is enough to find out whether it is back
LONGEST_PAUSE_SECONDS = 30.0
REST = 3.0  # times the processor that a mail took, so that who waits for a page has the process before any mail
GRACE_SECONDS = 2.0  # for the mail at hand, when the service stops


@dataclass
class Pace:
    """How long to wait between looks, in seconds; tests are more impatient."""

    idle: float = IDLE_SECONDS
    lease: timedelta = LEASE
    first_pause: float = FIRST_PAUSE_SECONDS
    longest_pause: float = LONGEST_PAUSE_SECONDS


class Courier(Worker):
    """Runs in a thread of its own, with an event loop for the talk with the server."""

    CHANNELS: Sequence[str] = ("mail",)

    def __init__(self, oncelink: Oncelink, pace: Pace | None = None) -> None:
        self.oncelink = oncelink
        self.pace = pace or Pace()
        self.leases = Leases(oncelink.database, oncelink.live, uuid4())
        self.pause = 0.0
        self._ending_at = 0.0
        self._done: dict[UUID, float] = {}
        self._wake = Event()
        self._thread = Supervised("courier", self._work)
        self._talk: asyncio.Task[bool] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self) -> None:
        """Works in this thread, until `stop` is called from another."""
        self._thread.run()

    def wake(self) -> None:
        """Says that the log may have grown; returns at once."""
        self._wake.set()

    def ask_to_stop(self) -> None:
        """Lets it end after the mail at hand; returns at once."""
        self._ending_at = self._ending_at or time.monotonic() + GRACE_SECONDS
        self._thread.stopping.set()
        self._wake.set()

    def stop(self) -> None:
        """Ends it; the mail at hand gets a moment."""
        self.ask_to_stop()
        while self.alive and time.monotonic() < self._ending_at:
            time.sleep(0.01)
        talk, loop = self._talk, self._loop
        if talk is not None and loop is not None:
            with suppress(RuntimeError):  # it has just ended
                loop.call_soon_threadsafe(talk.cancel)
        self._thread.stop()

    def _work(self) -> None:
        """Goes on until stopped, or anything unexpected fails."""
        with asyncio.Runner() as runner:
            self._loop = runner.get_loop()
            post = Post(self.oncelink.settings)
            try:
                self._rounds(lambda: self.deliver(runner, post), lambda: hang_up(runner, post))
            finally:
                runner.run(post.hang_up())

    def _rounds(self, deal: Callable[[], bool], rest: Callable[[], None] = lambda: None) -> None:
        """Deals with what is due; looks a little more often for a while after it was woken."""
        looks = 0
        while not self._thread.stopping.is_set():
            if self._wake.is_set():
                self._wake.clear()
                looks = SOON_LOOKS
            before = time.thread_time()
            more = deal()
            self._thread.succeeded()
            self._thread.stopping.wait(REST * (time.thread_time() - before))
            if not more:
                rest()
                self._rest(looks)
                looks = max(0, looks - 1)

    def take(self) -> Taken | None:
        """The next thing that is due, if there is one. Raises DatabaseAway."""
        try:
            return self.leases.take(self.CHANNELS, now(), now() + self.pace.lease, self.just_done())
        except ReadModelBehind:  # the outbox is being built
            return None

    def _rest(self, looks: int) -> None:
        """Waits: for the server to come back, for the read model to follow, or to be woken."""
        if self.pause:
            self._thread.stopping.wait(self.pause)
        elif looks:
            self._thread.stopping.wait(SOON_SECONDS)
        else:
            self._wake.wait(self.pace.idle)

    def deliver(self, runner: asyncio.Runner, post: Post) -> bool:
        """Deals with one thing that is due; whether there may be another at once. Raises DatabaseAway, Refusal."""
        one = self.take()
        if one is None:
            return False
        token = self.oncelink.tellings.open(one.token_id, one.telling)
        if token is None:  # the log knows more than the read model, which is about to follow
            self.let_go(one)
            return True
        id = message_id(token, one.telling, post.sender.domain)
        if one.in_doubt:
            self.failed(one, id, NotHandedOver("unknown_outcome"))
            return True
        return self.attempt(one, token, id, runner, post)

    def attempt(self, one: Taken, token: Token, id: str, runner: asyncio.Runner, post: Post) -> bool:
        """Hands one mail over, and says what became of it; whether the server seems to be well."""
        try:
            if not runner.run(self.talk(post, self.mail(one, token, id, post), one)):
                return True  # the lease has ended, so that it is another courier's by now
        except NotHandedOver as error:
            self.failed(one, id, error)
            self.pause = self.longer() if error.of_server else 0.0
            return not error.of_server
        except asyncio.CancelledError:  # the service stops; what had begun to go out is in doubt
            return False
        self.pause = 0.0
        tellings, about = self.oncelink.tellings, {"message_id": id, "by": post.by}
        self.say(one, lambda: tellings.sent(by_system(), one.token_id, one.telling, **about))
        return True

    def mail(self, one: Taken, token: Token, id: str, post: Post) -> Mail:
        """What one reader is told. Raises NotHandedOver."""
        telling = one.telling
        try:
            facts = facts_of(self.oncelink, token, telling.cause_version)
            found = self.oncelink.scheduling.load([telling.person_id]) if telling.person_id else {}
            reader = found.get(telling.person_id) if telling.person_id else None
            if isinstance(reader, Person) and not reader.active:
                raise NotHandedOver("reader_left", last=True)
            person = reader.properties if isinstance(reader, Person) else None
            return post.mail(letter_for(facts, telling, token.outbox.is_first(telling), person, post.sender.email), id)
        except (NobodyToTell, NotAnAddress) as error:
            raise NotHandedOver("address_refused", last=True) from error
        except (DatabaseAway, Refusal, NotHandedOver):
            raise
        except Exception as error:  # a mistake of ours must not stop the other mails
            log.exception("The mail about booking %s could not be written", one.token_id)
            raise NotHandedOver("not_written") from error

    async def talk(self, post: Post, mail: Mail, one: Taken) -> bool:
        """Hands a mail over in time, if the lease still holds.

        Raises NotHandedOver, DatabaseAway, CancelledError when the service stops.
        """
        begun = False

        def before_data() -> bool:
            nonlocal begun
            begun = self.leases.hand_over(one, now())
            return begun

        self._talk = asyncio.current_task()
        try:
            await asyncio.wait_for(post.send(mail, before_data), TALK_SECONDS)
            return begun
        except TimeoutError:
            raise NotHandedOver("unknown_outcome" if begun else "server_too_slow", of_server=True) from None
        except asyncio.CancelledError:
            if not begun:
                self.leases.release(one)
            raise
        finally:
            self._talk = None

    def failed(self, one: Taken, id: str, error: NotHandedOver) -> None:
        """Says that a mail was not handed over, in the log of events and in that of the operator."""
        log.warning("A mail to the %s of booking %s: %s", one.telling.to, one.token_id, error.reason)
        tellings, about = self.oncelink.tellings, {"message_id": id}
        self.say(
            one,
            lambda: tellings.failed(by_system(), one.token_id, one.telling, error.reason, error.last, **about),
        )

    def say(self, one: Taken, command: Callable[[], int | None]) -> None:
        """Appends an outcome, and lets go of the lease; while the database is away, as long as the lease lasts."""
        deadline = time.monotonic() + self.pace.lease.total_seconds()
        while True:
            try:
                position = command()
                break
            except (DatabaseAway, TryAgain):
                if time.monotonic() > deadline or self._thread.stopping.is_set():
                    raise
                self._thread.stopping.wait(SOON_SECONDS)
        if position is not None:
            self.oncelink.appended()
        self.let_go(one)

    def let_go(self, one: Taken) -> None:
        """Ends a lease; the read model may still show the thing as owed for a moment."""
        self.leases.release(one)
        self._done[one.id] = time.monotonic()

    def just_done(self) -> list[UUID]:
        """What the read model may not know yet."""
        recently = time.monotonic() - SOON_LOOKS * SOON_SECONDS
        self._done = {id: at for id, at in self._done.items() if at > recently}
        return list(self._done)

    def longer(self) -> float:
        """The pause after one more failure of the server."""
        return min(2 * self.pause or self.pace.first_pause, self.pace.longest_pause)


def hang_up(runner: asyncio.Runner, post: Post) -> None:
    """Ends the talk with the server while there is nothing to say."""
    if post.line is not None and post.line.client is not None:
        runner.run(post.hang_up())


def by_system() -> Context:
    """The context of what a courier says."""
    return Context(now(), Actor(kind="system"), uuid4().hex, "api")


def message_id(token: Token, telling: Telling, domain: str) -> str:
    """A mail's Message-ID: the same for each attempt, another when somebody asked for it again."""
    return f"{telling.id(token.id)}.{token.outbox.standing(telling).requests}@{domain}"
