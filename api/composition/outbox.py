"""Builds the outbox workers of a process, each with its way to deliver."""

from typing import TYPE_CHECKING

from api.composition.webhooks import build_webhook_worker
from api.services import Services, build_mail_settings
from integrations.outbox_worker import OutboxContext, OutboxWorker
from integrations.outbox_workers import DeliveryWorker
from projections import catalogue

if TYPE_CHECKING:
    from integrations.calendars.calendar_delivery import CalendarDelivery
    from integrations.mail.invitation_mail import InvitationMailBuilder
    from integrations.mail.mail_delivery import MailDelivery


def build_outbox_workers(services: Services) -> list[DeliveryWorker]:
    """Build as many workers for mail as the settings say, and unless that is 0 one for calendars and for webhooks."""
    if not services.settings.couriers:
        return []
    context = build_outbox_context(services)
    mail_workers = [OutboxWorker(context, build_mail_delivery(services)) for _ in range(services.settings.couriers)]
    calendar_worker = OutboxWorker(context, build_calendar_delivery(services))
    return [*mail_workers, calendar_worker, build_webhook_worker(services)]


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
