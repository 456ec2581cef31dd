"""The services of a running Oncelink, which routes, pages and commands use."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from api.append_signal import AppendSignal
from api.position_waiter import PositionWaiter
from api.read_model_watcher import ReadModelWatcher
from api.settings import Settings
from domain.commands.aggregate_cache import AggregateCache
from domain.commands.erasure import ErasureCommands
from domain.commands.links import LinkCommands
from domain.commands.lost_links import LostLinkCommands
from domain.commands.no_shows import NoShowCommands
from domain.commands.notifications import NotificationCommands
from domain.commands.organisation import OrganisationCommands
from domain.commands.people import AdministrationCommands
from domain.commands.reassignment import ReassignmentCommands
from domain.commands.replacement import ReplacementCommands
from domain.commands.scheduling import SchedulingCommands
from domain.commands.single_use_links import SingleUseLinkCommands
from domain.commands.teams import TeamCommands
from integrations.calendars.poller import CalendarFetcher
from integrations.calendars.sync import CalendarSync
from integrations.clock import Clock
from integrations.holiday_refresh import HolidayRefreshWorker
from integrations.meeting_details_loader import MeetingDetailsLoader
from integrations.outbox_workers import DeliveryWorker, OutboxWorkers
from integrations.retention import RetentionWorker
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
from store.access_log import AccessLog
from store.credentials.api_keys import ApiKeys
from store.credentials.codes import Codes
from store.credentials.encrypted_secrets import SecretCipher
from store.credentials.feed_tokens import FeedTokens
from store.credentials.identities import Identities
from store.credentials.pairings import Pairings
from store.credentials.sessions import Sessions
from store.database import Database
from store.mailed_codes import MailedCodes
from store.onboarding import Onboarding
from store.reader import PostgresLogReader
from store.request_counts import RequestCounts
from store.request_leases import RequestLeases
from store.shared_answers import SharedAnswers
from store.webhooks import Webhooks

if TYPE_CHECKING:
    from integrations.identity.oidc_provider import OidcProvider
    from integrations.mail.mail_transport import MailSettings, SignInMailer
    from integrations.proof_of_work import ProofOfWork
    from integrations.webhooks.delivery_run import WebhookContext

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
    identities: Identities
    access_log: AccessLog
    feed_tokens: FeedTokens
    pairings: Pairings
    onboarding: Onboarding
    shared_answers: SharedAnswers
    request_leases: RequestLeases
    mailed_codes: MailedCodes
    reader: PostgresLogReader
    aggregate_cache: AggregateCache
    administration: AdministrationCommands
    organisation: OrganisationCommands
    links: LinkCommands
    teams: TeamCommands
    single_use_links: SingleUseLinkCommands
    scheduling: SchedulingCommands
    reassignment: ReassignmentCommands
    replacement: ReplacementCommands
    no_shows: NoShowCommands
    lost_links: LostLinkCommands
    erasure: ErasureCommands
    follower: Follower
    append_notifier: AppendNotifier
    position_waiter: PositionWaiter
    rebuilder: Rebuilder
    read_model_watcher: ReadModelWatcher
    notifications: NotificationCommands
    append_signal: AppendSignal
    sealer: Sealer
    retention: RetentionWorker
    holiday_refresh: HolidayRefreshWorker
    verifications: VerificationWorker
    calendar_sync: CalendarSync
    fetcher: CalendarFetcher
    outbox_workers: OutboxWorkers
    build_outbox_workers: Callable[["Services"], list[DeliveryWorker]]

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
    def oidc_provider(self) -> "OidcProvider | None":
        """The organisation's OpenID provider, or None; its libraries are imported only where somebody signs in."""
        client = self.settings.oidc_client
        if client is None:
            return None
        from integrations.identity.oidc_provider import OidcProvider

        return OidcProvider(client, self.clock)

    @cached_property
    def id_token_cipher(self) -> SecretCipher:
        """What encrypts the ID tokens of sessions."""
        return SecretCipher(self.settings.keys, "oidc session")

    @cached_property
    def meeting_details(self) -> MeetingDetailsLoader:
        """The loader of what notifications, calendars and files show of a meeting."""
        return MeetingDetailsLoader(
            self.scheduling, self.reader, self.settings.base_url, self.build_manage_url, self.build_single_use_url
        )

    @cached_property
    def proof_of_work(self) -> "ProofOfWork":
        """What makes and verifies challenges; its library is imported only where they are asked for."""
        from integrations.proof_of_work import ProofOfWork

        return ProofOfWork(self.settings.keys)

    @cached_property
    def webhook_context(self) -> "WebhookContext":
        """What webhooks are kept, signed and sent with."""
        from integrations.webhooks.delivery_run import WebhookContext
        from integrations.webhooks.payloads import PayloadBuilder
        from integrations.webhooks.secrets import ENCRYPTION_PURPOSE
        from integrations.webhooks.sending import WebhookSender

        return WebhookContext(
            Webhooks(self.database),
            SecretCipher(self.settings.keys, ENCRYPTION_PURPOSE),
            WebhookSender(self.calendar_sync.http_client),
            PayloadBuilder(self.from_log, self.settings.base_url),
            self.clock,
        )

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

    def build_single_use_url(self, token_id: UUID) -> str:
        """Build the URL of a single-use link."""
        return f"{self.settings.base_url}/s/{self.codes.create_code(token_id, 'book')}"

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
        self.retention.start()
        self.holiday_refresh.start()
        self.verifications.start()
        self.rebuilder.start()
        if process == "server":
            self.fetcher.start()
            self.outbox_workers.start(self.build_outbox_workers(self))

    def close(self) -> None:
        """Stop in reverse order whatever was started, then close the database connections."""
        self.read_model_watcher.stop()
        self.outbox_workers.stop()
        self.fetcher.stop()
        self.rebuilder.stop()
        self.verifications.stop()
        self.retention.stop()
        self.holiday_refresh.stop()
        self.sealer.stop()
        self.follower.stop()
        self.append_notifier.stop()
        self.outbox_database.close()
        self.database.close()


def build_mail_settings(settings: Settings) -> "MailSettings":
    """Build the settings of the mail transport."""
    from integrations.mail.mail_transport import MailSettings

    prints = settings.mail_method == "console"
    return MailSettings("" if prints else settings.smtp_url, settings.mail_from, prints)
