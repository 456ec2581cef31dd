"""Every part of a running Oncelink, put together once."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING
from uuid import UUID

from api.append_signal import Bell
from api.position_waiter import Waiting
from api.read_model_watcher import Watching
from api.settings import Settings
from domain.commands.command_application import Memory
from domain.commands.erasure import Erasing
from domain.commands.links import Publishing
from domain.commands.notifications import Tellings
from domain.commands.people import Staffing
from domain.commands.reassignment import Reassigning
from domain.commands.scheduling import Scheduling
from domain.commands.single_use_links import Issuing
from integrations.calendars.http_client import Web
from integrations.calendars.poller import Fetcher
from integrations.calendars.sync import PURPOSE, Keeping
from projections import catalogue
from projections.following.append_notify import Hint
from projections.following.follower import Follower
from projections.queries.query import Source
from replay.rebuild import Rebuilder
from replay.tree import checkpoint
from replay.tree.sealed_tree import SealedTree
from replay.tree.sealer import Sealer
from replay.tree.signed_note import Signer, signers
from replay.verify.jobs import Verifications
from store.busy_calendars import BusyCalendars
from store.credentials.api_keys import Keys
from store.credentials.codes import Codes
from store.credentials.encrypted_secrets import Seals
from store.credentials.feed_tokens import Feeds
from store.credentials.pairings import Pairings
from store.credentials.sessions import Sessions
from store.database import Database
from store.reader import Reader
from store.recorder import LogFactory

if TYPE_CHECKING:
    from integrations.mail.mail_transport import SignInMail


@dataclass(frozen=True)
class Oncelink:
    """The parts that the edges use."""

    settings: Settings
    database: Database
    codes: Codes
    keys: Keys
    sessions: Sessions
    feeds: Feeds
    pairings: Pairings
    reader: Reader
    memory: Memory
    staffing: Staffing
    publishing: Publishing
    issuing: Issuing
    scheduling: Scheduling
    reassigning: Reassigning
    erasing: Erasing
    follower: Follower
    hint: Hint
    waiting: Waiting
    rebuilder: Rebuilder
    watching: Watching
    tellings: Tellings
    bell: Bell
    sealer: Sealer
    verifications: Verifications
    calendars: Keeping
    fetcher: Fetcher

    @cached_property
    def mail(self) -> "SignInMail":
        """How sign-in links are mailed; its libraries are imported only where anybody signs in."""
        from integrations.mail.mail_transport import SignInMail

        return SignInMail(self.settings)

    @property
    def live(self) -> Source:
        """Questions over the live read models."""
        return catalogue.live(self.database)

    def from_log(self, until: int | None = None) -> Source:
        """Questions over the log itself, as it is now or as it stood at a position."""
        return catalogue.from_log(self.database, until)

    @property
    def signers(self) -> list[Signer]:
        """The keys that checkpoints of this log are signed with, the one in use first."""
        return signers(checkpoint.origin_of(self.settings.base_url, self.settings.db_schema), self.settings.keys)

    def checkpoint(self, until: int) -> str | None:
        """A signed checkpoint of the log that reaches no further than a position; None where nothing is sealed yet."""
        return checkpoint.take_until(SealedTree(self.database), self.signers[0], until)

    def manage_url(self, token_id: UUID) -> str:
        """The address of the booking's own page, for its guest."""
        return f"{self.settings.base_url}/m/{self.codes.make(token_id, 'manage')}"

    def appended(self) -> None:
        """Says that the log has grown, so that followers and couriers need not wait for their next look."""
        self.follower.wake()
        self.hint.send()
        self.bell.ring()

    def close(self) -> None:
        """Stops what runs in the background, then closes the connections."""
        self.fetcher.stop()
        self.rebuilder.stop()
        self.verifications.stop()
        self.sealer.stop()
        self.follower.stop()
        self.hint.stop()
        self.database.close()


def compose(settings: Settings, database: Database) -> Oncelink:
    """Puts the parts together over an open database."""
    factory, reader, memory = LogFactory(database), Reader(database), Memory()
    follower, hint = Follower(database), Hint(database)
    scheduling = Scheduling(factory, reader, memory)
    calendars = calendars_of(settings, database, scheduling, follower, hint)
    return Oncelink(
        settings=settings,
        database=database,
        codes=Codes(settings.keys),
        keys=Keys(database),
        sessions=Sessions(database),
        feeds=Feeds(database),
        pairings=Pairings(database),
        reader=reader,
        memory=memory,
        staffing=Staffing(factory, reader, memory),
        publishing=Publishing(factory, reader, memory),
        issuing=Issuing(factory, reader, memory),
        scheduling=scheduling,
        reassigning=Reassigning(factory, reader, memory),
        erasing=Erasing(factory, reader, memory, settings.keys),
        follower=follower,
        hint=hint,
        waiting=Waiting(database, follower),
        rebuilder=Rebuilder(database),
        watching=Watching(database, follower),
        tellings=Tellings(factory, reader, memory),
        bell=Bell(),
        sealer=Sealer(database, lambda: follower.leading),
        verifications=Verifications(database),
        calendars=calendars,
        fetcher=Fetcher(calendars),
    )


def calendars_of(
    settings: Settings, database: Database, scheduling: Scheduling, follower: Follower, hint: Hint
) -> Keeping:
    """What keeps people's calendars."""

    def appended() -> None:
        follower.wake()
        hint.send()

    return Keeping(
        store=BusyCalendars(database),
        seals=Seals(settings.keys, PURPOSE),
        web=Web(settings.calendar_networks),
        scheduling=scheduling,
        live=lambda: catalogue.live(database),
        appended=appended,
    )
