"""A clock that tests stop or set forward; it is handed to the application, so nothing has to be patched."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from api.clock import read_clock


class MovableClock:
    """The real time plus `offset`, or the instant at which it is stopped."""

    def __init__(self) -> None:
        self.offset = timedelta()
        self.stopped_at: datetime | None = None

    def __call__(self) -> datetime:
        """Read the clock."""
        return self.stopped_at or read_clock() + self.offset

    def advance(self, **duration: float) -> None:
        """Set the clock forward."""
        self.offset += timedelta(**duration)

    @contextmanager
    def stop_at(self, instant: datetime) -> Iterator[None]:
        """Stop the clock at an instant, and let it run again afterwards."""
        self.stopped_at = instant
        try:
            yield
        finally:
            self.stopped_at = None
