"""Prometheus metrics: requests by route and status, durations, positions, outbox and calendars."""

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client import multiprocess as multiprocess_values
from prometheus_client.core import GaugeMetricFamily, Metric

from projections.following.positions import Positions
from projections.outbox_backlog import ChannelBacklog

REQUESTS = Counter("oncelink_requests", "Answered requests.", ["method", "route", "status"])
SECONDS = Histogram("oncelink_request_seconds", "Time to answer, in seconds.", ["method", "route"])


class PositionGauges:
    """Gauges of the log's head and the read models' position."""

    def __init__(self, positions: Positions) -> None:
        self.positions = positions

    def collect(self) -> Iterator[Metric]:
        """One gauge each, in positions."""
        yield GaugeMetricFamily("oncelink_log_head", "The log's last position.", self.positions.head)
        yield GaugeMetricFamily("oncelink_follower_position", "How far read models are.", self.positions.position)


class OutboxGauges:
    """Gauges of the outbox by channel: owed, given up, age of the oldest."""

    def __init__(self, backlogs: Sequence[ChannelBacklog], now: datetime) -> None:
        self.backlogs = backlogs
        self.now = now

    def collect(self) -> Iterator[Metric]:
        """One gauge each, by channel."""
        owed = GaugeMetricFamily("oncelink_outbox_owed", "What has to be sent.", labels=["channel"])
        failed = GaugeMetricFamily("oncelink_outbox_failed", "Given up, of meetings to come.", labels=["channel"])
        oldest = GaugeMetricFamily("oncelink_outbox_oldest_seconds", "Age of the oldest to send.", labels=["channel"])
        for backlog in self.backlogs:
            owed.add_metric([backlog.channel], backlog.owed)
            failed.add_metric([backlog.channel], backlog.failed)
            oldest.add_metric([backlog.channel], (self.now - backlog.oldest).total_seconds() if backlog.oldest else 0.0)
        yield from (owed, failed, oldest)


class CalendarGauges:
    """Gauges of connected calendars: how many, how many fail, age of the oldest data."""

    def __init__(self, totals: Mapping[str, Any]) -> None:
        self.totals = totals

    def collect(self) -> Iterator[Metric]:
        """One gauge each; the age is that of the calendar whose server answered least recently."""
        yield GaugeMetricFamily("oncelink_calendars", "Calendars that are read.", self.totals["calendars"])
        yield GaugeMetricFamily("oncelink_calendars_failing", "Of them, those that fail.", self.totals["failing"])
        oldest = self.totals["oldest_seconds"] or 0.0
        yield GaugeMetricFamily("oncelink_calendars_oldest_seconds", "The age of what is known longest.", oldest)


def count_request(method: str, route: str, status: int, seconds: float) -> None:
    """Count one answered request."""
    REQUESTS.labels(method, route, str(status)).inc()
    SECONDS.labels(method, route).observe(seconds)


def render_metrics(
    positions: Positions, backlogs: Sequence[ChannelBacklog], calendars: Mapping[str, Any], now: datetime
) -> bytes:
    """Render the metrics of all workers in Prometheus's text format."""
    registry = CollectorRegistry()
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        multiprocess_values.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        registry.register(REQUESTS)
        registry.register(SECONDS)
    registry.register(PositionGauges(positions))
    registry.register(OutboxGauges(backlogs, now))
    registry.register(CalendarGauges(calendars))
    return generate_latest(registry)
