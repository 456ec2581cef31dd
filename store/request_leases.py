"""Requests of clients within a quota for each minute, over all processes, with one statement for several requests."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from threading import Lock

from store.request_counts import RequestCounts

LEASES_PER_QUOTA = 20  # a process takes this part of the quota at a time, and gives back nothing
MAX_CLIENTS = 10_000  # of one process and minute


@dataclass
class Lease:
    """What a process may let through for one client in one minute, and what the other processes have left to take."""

    minute: datetime
    leased: int = 0
    left_to_take: int = 1  # until the count is known


@dataclass(frozen=True, slots=True)
class Allowance:
    """Whether a request is within the quota, how many more are, at least, and the seconds until there are more."""

    allowed: bool
    left: int
    seconds: int


class RequestLeases:
    """Counts requests in the database, in leases: a client that is over its quota costs no statement until it ends."""

    def __init__(self, counts: RequestCounts, quota: int) -> None:
        self.counts = counts
        self.quota = quota
        self.lease_size = max(1, quota // LEASES_PER_QUOTA)
        self.leases: dict[str, Lease] = {}
        self.lock = Lock()

    def take_leased(self, client: str, now: datetime) -> Allowance | None:
        """Takes a request of what this process has leased. None when the database must be asked."""
        with self.lock:
            lease = self.get_lease(client, now)
            if lease.leased == 0 and lease.left_to_take > 0:
                return None
            allowed = lease.leased > 0
            lease.leased -= allowed
            return Allowance(allowed, lease.leased + lease.left_to_take, count_seconds_left(lease.minute, now))

    def take(self, client: str, now: datetime) -> Allowance:
        """Takes a request, of a new lease if none is left. Raises DatabaseAway."""
        while (allowance := self.take_leased(client, now)) is None:
            count = self.counts.count_guest_requests(client, self.lease_size, now)
            with self.lock:
                lease = self.get_lease(client, now)
                lease.leased += max(0, min(self.lease_size, self.quota - count + self.lease_size))
                lease.left_to_take = max(0, self.quota - count)
        return allowance

    def get_lease(self, client: str, now: datetime) -> Lease:
        """Returns the lease of a client in this minute, a new one if there is none."""
        minute = now.replace(second=0, microsecond=0)
        lease = self.leases.get(client)
        if lease is None or lease.minute != minute:
            if len(self.leases) >= MAX_CLIENTS:
                self.leases.clear()
            lease = self.leases[client] = Lease(minute)
        return lease


def count_seconds_left(minute: datetime, now: datetime) -> int:
    """Returns the seconds until a minute ends, at least 1."""
    return max(1, ceil((minute + timedelta(minutes=1) - now).total_seconds()))
