"""The composition root: every service of a running Oncelink, built once."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from api.append_signal import AppendSignal
from api.clock import read_clock
from api.position_waiter import PositionWaiter
from api.read_model_watcher import ReadModelWatcher
from api.settings import Settings
from domain.commands.aggregate_cache import AggregateCache
from domain.commands.command_application import CommandApplication
from domain.commands.erasure import ErasureCommands
from domain.commands.links import LinkCommands
from domain.commands.notifications import NotificationCommands
from domain.commands.people import AdministrationCommands
from domain.commands.reassignment import ReassignmentCommands
from domain.commands.scheduling import SchedulingCommands
from domain.commands.single_use_links import SingleUseLinkCommands
from integrations.calendars.http_client import GuardedHttpClient
from integrations.calendars.poller import CalendarFetcher
from integrations.calendars.sync import ENCRYPTION_PURPOSE, CalendarSync
from integrations.clock import Clock
from integrations.meeting_details_loader import MeetingDetailsLoader
from integrations.outbox_worker import OutboxContext, OutboxWorker
from integrations.outbox_workers import OutboxWorkers
from projections import catalogue
from projections.following.append_notify import AppendNotifier
from projections.following.follower import Follower
from projections.queries.query import QuerySource
from replay.background_rebuilds import Rebuilder
from replay.tree import checkpoint
from replay.tree.sealed_tree import SealedTree
from replay.tree.sealer import Sealer
from replay.tree.signed_note import Signer, derive_signers
from replay.verify.jobs import VerificationWorker
from store.busy_calendars import BusyCalendars
from store.credentials.api_keys import ApiKeys
from store.credentials.codes import Codes
from store.credentials.encrypted_secrets import SecretCipher
from store.credentials.feed_tokens import FeedTokens
from store.credentials.pairings import Pairings
from store.credentials.sessions import Sessions
from store.database import Database
from store.mailed_codes import MailedCodes
from store.onboarding import Onboarding
from store.reader import PostgresLogReader
from store.recorder import LogRecorder
from store.request_counts import RequestCounts
from store.request_leases import RequestLeases
from store.shared_answers import SharedAnswers

if TYPE_CHECKING:
    from integrations.calendars.calendar_delivery import CalendarDelivery
    from integrations.mail.invitation_mail import InvitationMailBuilder
    from integrations.mail.mail_delivery import MailDelivery
    from integrations.mail.mail_transport import MailSettings, SignInMailer
    from integrations.proof_of_work import ProofOfWork

OUTBOX_CONNECTIONS = 1  # for statements of a millisecond; none is held while anything is delivered

ProcessKind = Literal["server", "follower"]


@dataclass(frozen=True)
class Services:
    """The services that routes, pages and commands use."""

    settings: Settings
    clock: Clock
    database: Database
    codes: Codes
    api_keys: ApiKeys
    sessions: Sessions
    feed_tokens: FeedTokens
    pairings: Pairings
    onboarding: Onboarding
    shared_answers: SharedAnswers
    request_leases: RequestLeases
    mailed_codes: MailedCodes
    reader: PostgresLogReader
    aggregate_cache: AggregateCache
    administration: AdministrationCommands
    links: LinkCommands
    single_use_links: SingleUseLinkCommands
    scheduling: SchedulingCommands
    reassignment: ReassignmentCommands
    erasure: ErasureCommands
    follower: Follower
    append_notifier: AppendNotifier
    position_waiter: PositionWaiter
    rebuilder: Rebuilder
    read_model_watcher: ReadModelWatcher
    notifications: NotificationCommands
    append_signal: AppendSignal
    sealer: Sealer
    verifications: VerificationWorker
    calendar_sync: CalendarSync
    fetcher: CalendarFetcher
    outbox_workers: OutboxWorkers

    @cached_property
    def outbox_database(self) -> Database:
        """The outbox workers' connection, so that they take none from guests; opened with the first worker."""
        return Database(self.database.url, self.database.schema, OUTBOX_CONNECTIONS, "outbox")

    @cached_property
    def sign_in_mailer(self) -> "SignInMailer":
        """The mailer of sign-in links; its libraries are imported only where somebody signs in."""
        from integrations.mail.mail_transport import SignInMailer

        return SignInMailer(build_mail_settings(self.settings), self.clock)

    @cached_property
    def meeting_details(self) -> MeetingDetailsLoader:
        """The loader of what notifications, calendars and files show of a meeting."""
        return MeetingDetailsLoader(self.scheduling, self.reader, self.settings.base_url, self.build_manage_url)

    @cached_property
    def proof_of_work(self) -> "ProofOfWork":
        """What makes and verifies challenges; its library is imported only where they are asked for."""
        from integrations.proof_of_work import ProofOfWork

        return ProofOfWork(self.settings.keys)

    @property
    def request_counts(self) -> RequestCounts:
        """The counts of requests in the database."""
        return self.request_leases.counts

    @property
    def live_source(self) -> QuerySource:
        """The source that queries the live read models."""
        return catalogue.from_live_tables(self.database)

    def from_log(self, until: int | None = None) -> QuerySource:
        """A source that folds the log itself, now or as of a position."""
        return catalogue.from_log(self.database, until)

    @property
    def signers(self) -> list[Signer]:
        """The keys that sign this log's checkpoints, the current one first."""
        return derive_signers(
            checkpoint.build_origin(self.settings.base_url, self.settings.db_schema), self.settings.keys
        )

    def take_checkpoint(self, until: int) -> str | None:
        """Take a signed checkpoint that reaches no further than a position; None when nothing is sealed yet."""
        return checkpoint.sign_checkpoint_until(SealedTree(self.database), self.signers[0], until)

    def build_manage_url(self, token_id: UUID) -> str:
        """Build the URL of the booking's own page, for its guest."""
        return f"{self.settings.base_url}/m/{self.codes.create_code(token_id, 'manage')}"

    def announce_append(self) -> None:
        """Announce an append, so that follower and outbox workers need not wait for their next poll."""
        self.append_signal.emit()

    def start(self, process: ProcessKind = "server") -> None:
        """Start what runs in the background of a server process.

        A follower process has less to do, and runs the follower itself in the thread that it has.
        """
        if process == "server":
            self.append_notifier.start()
            self.follower.start()
        self.sealer.start()
        self.verifications.start()
        self.rebuilder.start()
        if process == "server":
            self.fetcher.start()
            self.outbox_workers.start(build_outbox_workers(self))

    def close(self) -> None:
        """Stop in reverse order whatever was started, then close the database connections."""
        self.read_model_watcher.stop()
        self.outbox_workers.stop()
        self.fetcher.stop()
        self.rebuilder.stop()
        self.verifications.stop()
        self.sealer.stop()
        self.follower.stop()
        self.append_notifier.stop()
        self.outbox_database.close()
        self.database.close()


def build_services(settings: Settings, database: Database, clock: Clock = read_clock) -> Services:
    """Build the services over an open database; everything reads the time from this clock."""
    reader, aggregate_cache = PostgresLogReader(database), AggregateCache()
    application = CommandApplication(LogRecorder(database), reader, aggregate_cache)
    follower, append_notifier, outbox_workers = Follower(database), AppendNotifier(database), OutboxWorkers()
    append_signal = AppendSignal(follower.wake, append_notifier.request_notify, outbox_workers.wake)
    scheduling = SchedulingCommands(application, settings.guest_quotas)
    calendar_sync = build_calendar_sync(settings, database, scheduling, append_signal, clock)
    return Services(
        settings=settings,
        clock=clock,
        database=database,
        codes=Codes(settings.keys),
        api_keys=ApiKeys(database),
        sessions=Sessions(database, timedelta(hours=settings.session_idle_hours)),
        feed_tokens=FeedTokens(database),
        pairings=Pairings(database),
        mailed_codes=MailedCodes(database, settings.keys[0]),
        request_leases=RequestLeases(RequestCounts(database, settings.keys[0]), settings.guest_rate_limit),
        onboarding=Onboarding(database),
        shared_answers=SharedAnswers(database),
        reader=reader,
        aggregate_cache=aggregate_cache,
        administration=AdministrationCommands(application),
        links=LinkCommands(application),
        single_use_links=SingleUseLinkCommands(application),
        scheduling=scheduling,
        reassignment=ReassignmentCommands(application),
        erasure=ErasureCommands(application, settings.keys),
        follower=follower,
        append_notifier=append_notifier,
        position_waiter=PositionWaiter(database, follower),
        rebuilder=Rebuilder(database),
        read_model_watcher=ReadModelWatcher(database, follower),
        notifications=NotificationCommands(application),
        append_signal=append_signal,
        sealer=Sealer(database, lambda: follower.is_leader),
        verifications=VerificationWorker(database),
        calendar_sync=calendar_sync,
        fetcher=CalendarFetcher(calendar_sync),
        outbox_workers=outbox_workers,
    )


def build_calendar_sync(
    settings: Settings, database: Database, scheduling: SchedulingCommands, append_signal: AppendSignal, clock: Clock
) -> CalendarSync:
    """Build the calendar sync."""
    return CalendarSync(
        store=BusyCalendars(database),
        secret_cipher=SecretCipher(settings.keys, ENCRYPTION_PURPOSE),
        http_client=GuardedHttpClient(settings.calendar_networks),
        scheduling=scheduling,
        get_live_source=lambda: catalogue.from_live_tables(database),
        announce_append=append_signal.emit,
        clock=clock,
    )


def build_outbox_workers(services: Services) -> list[OutboxWorker]:
    """Build as many workers for mail as the settings say, and one for calendars unless that is 0."""
    if not services.settings.couriers:
        return []
    context = build_outbox_context(services)
    mail_workers = [OutboxWorker(context, build_mail_delivery(services)) for _ in range(services.settings.couriers)]
    return [*mail_workers, OutboxWorker(context, build_calendar_delivery(services))]


def build_outbox_context(services: Services) -> OutboxContext:
    """Build what the outbox workers share."""
    services.outbox_database.open()
    return OutboxContext(
        database=services.outbox_database,
        live_source=catalogue.from_live_tables(services.outbox_database),
        commands=services.notifications,
        clock=services.clock,
        announce_append=services.announce_append,
    )


def build_mail_delivery(services: Services) -> "MailDelivery":
    """Build a delivery by mail; its libraries are imported only where mail is sent."""
    from integrations.mail.mail_delivery import MailDelivery

    settings, invitations = build_mail_settings(services.settings), build_invitation_builder(services)
    return MailDelivery(settings, services.meeting_details, invitations, services.clock)


def build_invitation_builder(services: Services) -> "InvitationMailBuilder":
    """Build what writes invitations, each with a sign-in code of its own."""
    from integrations.mail.invitation_mail import InvitationMailBuilder

    return InvitationMailBuilder(services.settings.base_url, services.api_keys.create_sign_in_code, services.clock)


def build_calendar_delivery(services: Services) -> "CalendarDelivery":
    """Build a delivery to calendars; its libraries are imported only where calendars are written."""
    from integrations.calendars.calendar_delivery import CalendarDelivery

    return CalendarDelivery(services.calendar_sync, services.meeting_details)


def build_mail_settings(settings: Settings) -> "MailSettings":
    """Build the settings of the mail transport."""
    from integrations.mail.mail_transport import MailSettings

    prints = settings.mail_method == "console"
    return MailSettings("" if prints else settings.smtp_url, settings.mail_from, prints)
