"""Quotas of guests: how much one of them may do within a day, whatever the number of processes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

QUOTA_PERIOD = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class GuestQuotas:
    """The quotas of guests, each for any 24 hours; 0: none. People of the organisation have none.

    A booking on a single-use link is limited only by the link: of these, nothing but the moves apply to it.
    """

    bookings: int = 0  # of one address on one core link
    moves: int = 0  # of one booking
    mails: int = 0  # to one address, about what guests did with bookings on core links

    def limit_booking(self, now: datetime, link_id: UUID) -> "AddressQuota | None":
        """Returns the condition of a booking on a core link; None where neither quota is set."""
        return AddressQuota(now, self.mails, self.bookings, link_id) if self.bookings or self.mails else None

    def limit_move(self, now: datetime, details_id: UUID | None) -> "AddressQuota | None":
        """Returns the condition of moving a meeting that was booked on a core link; None without such a quota."""
        return AddressQuota(now, self.mails, details_id=details_id) if self.mails and details_id else None


@dataclass(frozen=True, slots=True)
class AddressQuota:
    """Quotas of one e-mail address, checked in the transaction of an append, before it.

    The address is the one in the personal details that the append stores, or else in those of `details_id`. Addresses
    that differ in case or in what follows a plus sign lead to one mailbox (RFC 5233), so they share their quotas.
    """

    now: datetime
    mails: int
    bookings: int = 0
    link_id: UUID | None = None
    details_id: UUID | None = None
