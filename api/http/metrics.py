"""What Prometheus reads: requests by route and status, their durations, and where the read models are."""

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client import multiprocess as multiprocess_values
from prometheus_client.core import GaugeMetricFamily, Metric

from projections.following.positions import Positions
from projections.outbox import Waiting

REQUESTS = Counter("oncelink_requests", "Answered requests.", ["method", "route", "status"])
SECONDS = Histogram("oncelink_request_seconds", "Time to answer, in seconds.", ["method", "route"])


class PositionGauges:
    """The log's head and the read models' position, as gauges."""

    def __init__(self, positions: Positions) -> None:
        self.positions = positions

    def collect(self) -> Iterator[Metric]:
        """One gauge each, in positions."""
        yield GaugeMetricFamily("oncelink_log_head", "The log's last position.", self.positions.head)
        yield GaugeMetricFamily("oncelink_follower_position", "How far read models are.", self.positions.position)


class OutboxGauges:
    """What has to be sent, what was given up, and how long the oldest has waited, as gauges."""

    def __init__(self, waiting: Sequence[Waiting], now: datetime) -> None:
        self.waiting = waiting
        self.now = now

    def collect(self) -> Iterator[Metric]:
        """One gauge each, by channel."""
        owed = GaugeMetricFamily("oncelink_outbox_owed", "What has to be sent.", labels=["channel"])
        failed = GaugeMetricFamily("oncelink_outbox_failed", "Given up, of meetings to come.", labels=["channel"])
        oldest = GaugeMetricFamily("oncelink_outbox_oldest_seconds", "Age of the oldest to send.", labels=["channel"])
        for one in self.waiting:
            owed.add_metric([one.channel], one.owed)
            failed.add_metric([one.channel], one.failed)
            oldest.add_metric([one.channel], (self.now - one.oldest).total_seconds() if one.oldest else 0.0)
        yield from (owed, failed, oldest)


class CalendarGauges:
    """How many calendars people gave, and how many of them cannot be read."""

    def __init__(self, totals: Mapping[str, Any]) -> None:
        self.totals = totals

    def collect(self) -> Iterator[Metric]:
        """One gauge each; the age is that of the calendar whose server answered least recently."""
        yield GaugeMetricFamily("oncelink_calendars", "Calendars that are read.", self.totals["calendars"])
        yield GaugeMetricFamily("oncelink_calendars_failing", "Of them, those that fail.", self.totals["failing"])
        oldest = self.totals["oldest_seconds"] or 0.0
        yield GaugeMetricFamily("oncelink_calendars_oldest_seconds", "The age of what is known longest.", oldest)


def counted(method: str, route: str, status: int, seconds: float) -> None:
    """Counts one answered request."""
    REQUESTS.labels(method, route, str(status)).inc()
    SECONDS.labels(method, route).observe(seconds)


def exposition(positions: Positions, waiting: Sequence[Waiting], calendars: Mapping[str, Any], now: datetime) -> bytes:
    """All metrics of all workers, in Prometheus's text format."""
    registry = CollectorRegistry()
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        multiprocess_values.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        registry.register(REQUESTS)
        registry.register(SECONDS)
    registry.register(PositionGauges(positions))
    registry.register(OutboxGauges(waiting, now))
    registry.register(CalendarGauges(calendars))
    return generate_latest(registry)
