"""Delivery by mail: one mail for each notification, over SMTP; its Message-ID is the same at each attempt."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from domain.link_request import LinkRequest
from domain.notifications.notified_aggregate import NotifiedAggregate
from domain.notifications.outbox import Notification
from domain.refusals import LinkDeleted, LinkDisabled, LinkExpired, Refusal
from domain.token import Token
from domain.token_events import NoShowMarked
from integrations.clock import Clock
from integrations.delivery import DeliveryAttempt, DeliveryFailed, DeliveryInterrupted, LeaseLost
from integrations.email_address import InvalidEmailAddress
from integrations.mail.invitation_mail import InvitationMailBuilder
from integrations.mail.link_request_mail import build_link_request_mail
from integrations.mail.mail_message import MailMessage
from integrations.mail.mail_transport import MailSettings, MailTransport, OutgoingMail
from integrations.mail.meeting_mails import AddresseeUnknown, build_meeting_mail
from integrations.mail.scheduled_mails import build_follow_up, build_no_show_mail, build_reminder, is_wanted
from integrations.mail.single_use_mail import build_single_use_mail
from integrations.meeting_details_loader import MeetingDetailsLoader
from integrations.single_use_details_loader import load_single_use_details
from store.database import DatabaseAway

log = logging.getLogger("oncelink")

SEND_TIMEOUT_SECONDS = 45.0  # for one whole mail; shorter than a lease


class MailDelivery:
    """Delivers notifications as mails. It has an event loop for SMTP, and keeps its connection while mails are due."""

    channel = "mail"
    failure_message = "A mail to the %s of booking or invitation %s: %s"

    def __init__(
        self,
        settings: MailSettings,
        details_loader: MeetingDetailsLoader,
        invitation_builder: InvitationMailBuilder,
        clock: Clock,
    ) -> None:
        self.details_loader = details_loader
        self.invitation_builder = invitation_builder
        self.clock = clock
        self.transport = MailTransport(settings, clock)
        self._runner = asyncio.Runner()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._send_task: asyncio.Task[None] | None = None

    def describe_attempt(self, token: NotifiedAggregate, notification: Notification) -> Mapping[str, Any]:
        """Describe an attempt by its Message-ID, which only a request to send the mail again changes."""
        requests = token.outbox.get_delivery_state(notification).requests
        return {"message_id": f"{notification.derive_id(token.id)}.{requests}@{self.transport.domain}"}

    def deliver(self, attempt: DeliveryAttempt) -> Mapping[str, Any]:
        """Send the mail; returns the method, `smtp` or `console`. Raises as `Delivery.deliver`."""
        self.transport.require_server()
        mail = self.prepare_mail(attempt)
        try:
            self._runner.run(self._send_mail(mail, attempt))
        except asyncio.CancelledError:
            raise DeliveryInterrupted from None
        if not attempt.handing_over:
            raise LeaseLost
        return {"by": self.transport.delivery_method}

    def release_idle_resources(self) -> None:
        """Close the connection to the server."""
        if self.transport.is_connected:
            self._runner.run(self.transport.disconnect())

    def interrupt(self) -> bool:
        """Cancel the mail that is being sent."""
        send_task, loop = self._send_task, self._loop
        if send_task is not None and loop is not None:
            with suppress(RuntimeError):  # it has just ended
                loop.call_soon_threadsafe(send_task.cancel)
        return True

    def close(self) -> None:
        """Close the connection and the event loop; a later delivery opens them again."""
        try:
            self.release_idle_resources()
        finally:
            self._runner.close()
            self._runner = asyncio.Runner()

    def prepare_mail(self, attempt: DeliveryAttempt) -> OutgoingMail:
        """Prepare the mail of a notification. Raises DeliveryFailed, DatabaseAway, Refusal."""
        try:
            return self.transport.prepare_mail(self._build_message(attempt), attempt.record["message_id"])
        except (AddresseeUnknown, InvalidEmailAddress) as error:
            raise DeliveryFailed("address_refused", permanent=True) from error
        except (DatabaseAway, Refusal, DeliveryFailed):
            raise
        except Exception as error:  # a bug of ours must not stop the other mails
            log.exception("The mail about booking %s could not be written", attempt.token.id)
            raise DeliveryFailed("not_written") from error

    def _build_message(self, attempt: DeliveryAttempt) -> MailMessage:
        token, notification = attempt.token, attempt.notification
        addressee = self.details_loader.find_person(notification.person_id)
        if addressee is not None and not addressee.active:
            raise DeliveryFailed("reader_left", permanent=True)
        if not isinstance(token, Token):
            if addressee is None:
                raise AddresseeUnknown
            if isinstance(token, LinkRequest):
                return build_link_request_mail(self.details_loader.load_link_request(token), addressee.properties)
            return self.invitation_builder.build_mail(addressee)
        if notification.to == "recipient":
            return self._build_single_use_mail(token, notification)
        details = self.details_loader.load_details(token, notification.cause_version)
        addressee_properties = addressee.properties if addressee else None
        if not is_wanted(details.meeting_type, notification):
            raise DeliveryFailed("no_longer_wanted", permanent=True)
        if notification.is_reminder:
            return build_reminder(details, notification, addressee_properties)
        if notification.is_follow_up and details.meeting_type.follow_up:
            return build_follow_up(details, details.meeting_type.follow_up)
        if isinstance(details.event, NoShowMarked):
            return build_no_show_mail(details, self.details_loader.find_rebooking_url(token, details.event.occurred_at))
        return build_meeting_mail(
            details,
            notification,
            token.outbox.is_first(notification),
            addressee_properties,
            self.transport.sender.email,
        )

    def _build_single_use_mail(self, token: Token, notification: Notification) -> MailMessage:
        """Build the mail to a recipient, whose link must still book: otherwise nothing is sent."""
        try:
            details = load_single_use_details(self.details_loader, token, notification, self.clock())
        except (LinkDeleted, LinkDisabled, LinkExpired) as refusal:
            raise DeliveryFailed("link_closed", permanent=True) from refusal
        if details is None:
            raise AddresseeUnknown
        return build_single_use_mail(details)

    async def _send_mail(self, mail: OutgoingMail, attempt: DeliveryAttempt) -> None:
        """Send a mail within the time limit, if the lease still holds. Raises DeliveryFailed, DatabaseAway."""
        self._loop, self._send_task = asyncio.get_running_loop(), asyncio.current_task()
        try:
            await asyncio.wait_for(self.transport.send(mail, attempt.begin_handover), SEND_TIMEOUT_SECONDS)
        except TimeoutError:
            reason: Any = "unknown_outcome" if attempt.handing_over else "server_too_slow"
            raise DeliveryFailed(reason, server_fault=True) from None
        finally:
            self._send_task = None
