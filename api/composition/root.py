"""The composition root: builds every service of a running Oncelink, once, and connects them."""

from datetime import timedelta
from typing import Any

from api.append_signal import AppendSignal
from api.clock import read_clock
from api.composition.outbox import build_outbox_workers
from api.position_waiter import PositionWaiter
from api.read_model_watcher import ReadModelWatcher
from api.services import Services
from api.settings import Settings
from domain.commands.aggregate_cache import AggregateCache
from domain.commands.command_application import CommandApplication
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
from integrations.calendars.http_client import GuardedHttpClient
from integrations.calendars.poller import CalendarFetcher
from integrations.calendars.sync import ENCRYPTION_PURPOSE, CalendarSync
from integrations.clock import Clock
from integrations.holiday_refresh import HolidayRefreshWorker
from integrations.outbox_workers import OutboxWorkers
from integrations.public_holidays import list_holidays
from integrations.retention import RetentionWorker
from projections import catalogue
from projections.following.append_notify import AppendNotifier
from projections.following.follower import Follower
from replay.background_rebuilds import Rebuilder
from replay.tree.sealer import Sealer
from replay.verify.jobs import VerificationWorker
from store.access_log import AccessLog
from store.busy_calendars import BusyCalendars
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
from store.recorder import LogRecorder
from store.request_counts import RequestCounts
from store.request_leases import RequestLeases
from store.shared_answers import SharedAnswers


def build_services(settings: Settings, database: Database, clock: Clock = read_clock) -> Services:
    """Build the services over an open database; everything reads the time from this clock."""
    reader, aggregate_cache = PostgresLogReader(database), AggregateCache()
    application = CommandApplication(LogRecorder(database), reader, aggregate_cache)
    follower, append_notifier, outbox_workers = Follower(database), AppendNotifier(database), OutboxWorkers()
    append_signal = AppendSignal(follower.wake, append_notifier.request_notify, outbox_workers.wake)
    scheduling = SchedulingCommands(application, settings.guest_quotas)
    calendar_sync = build_calendar_sync(settings, database, scheduling, append_signal, clock)
    command_groups = build_command_groups(application, settings)
    return Services(
        settings=settings,
        clock=clock,
        database=database,
        reader=reader,
        aggregate_cache=aggregate_cache,
        scheduling=scheduling,
        follower=follower,
        append_notifier=append_notifier,
        position_waiter=PositionWaiter(database, follower),
        rebuilder=Rebuilder(database),
        read_model_watcher=ReadModelWatcher(database, follower),
        append_signal=append_signal,
        sealer=Sealer(database, lambda: follower.is_leader),
        **build_leader_workers(database, clock, follower, append_signal, command_groups),
        verifications=VerificationWorker(database),
        calendar_sync=calendar_sync,
        fetcher=CalendarFetcher(calendar_sync),
        outbox_workers=outbox_workers,
        build_outbox_workers=build_outbox_workers,
        **command_groups,
        **build_stores(settings, database),
    )


def build_leader_workers(
    database: Database, clock: Clock, follower: Follower, append_signal: AppendSignal, command_groups: dict[str, Any]
) -> dict[str, Any]:
    """Build the workers that run commands by the clock where the follower leads, by their names in `Services`."""
    after_log = (
        lambda: catalogue.from_live_tables(database),
        append_signal.emit,
        clock,
        lambda: follower.is_leader,
    )
    administration, organisation = command_groups["administration"], command_groups["organisation"]
    return {
        "retention": RetentionWorker(command_groups["erasure"], organisation, *after_log),
        "holiday_refresh": HolidayRefreshWorker(administration, *after_log),
    }


def build_stores(settings: Settings, database: Database) -> dict[str, Any]:
    """Build what keeps codes, keys and counts beside the log, by their names in `Services`."""
    return {
        "codes": Codes(settings.keys),
        "api_keys": ApiKeys(database),
        "sessions": Sessions(database, timedelta(hours=settings.session_idle_hours)),
        "identities": Identities(database),
        "access_log": AccessLog(database),
        "feed_tokens": FeedTokens(database),
        "pairings": Pairings(database),
        "mailed_codes": MailedCodes(database, settings.keys[0]),
        "request_leases": RequestLeases(RequestCounts(database, settings.keys[0]), settings.guest_rate_limit),
        "onboarding": Onboarding(database),
        "shared_answers": SharedAnswers(database),
    }


def build_command_groups(application: CommandApplication, settings: Settings) -> dict[str, Any]:
    """Build the groups of commands that need nothing but the application and settings, by their names in `Services`."""
    return {
        "administration": AdministrationCommands(application, list_holidays),
        "organisation": OrganisationCommands(application, settings.organisation_defaults),
        "links": LinkCommands(application),
        "teams": TeamCommands(application),
        "single_use_links": SingleUseLinkCommands(application),
        "reassignment": ReassignmentCommands(application),
        "replacement": ReplacementCommands(application),
        "no_shows": NoShowCommands(application),
        "lost_links": LostLinkCommands(application),
        "erasure": ErasureCommands(application, settings.keys),
        "notifications": NotificationCommands(application),
    }


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
