"""How much is measured: in a few minutes by default, in full with `--full`, next to nothing for a test."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """The number of rounds, and the amount of data of each figure."""

    rounds: int = 3
    bookings: int = 500  # over HTTP, in each round
    seconds: float = 2.0  # of each run of pgbench
    writers: int = 16
    repetitions: int = 30  # times that a single question is asked in each round
    events: int = 150_000  # in the log of rebuilds and of the meeting log
    meetings: int = 200_000  # in the meeting log
    earlier_bookings: tuple[int, ...] = (10, 1_000, 10_000)
    background_events: int = 100_000  # events around those
    bookings_per_host: int = 500  # bookings of each of three hosts
    bookings_in_memory: tuple[int, int] = (1_000, 5_000)
    peers: bool = True


DEFAULT = Sizes()
FULL = Sizes(
    rounds=5,
    bookings=2_000,
    seconds=10.0,
    events=1_000_000,
    meetings=10_000_000,
    earlier_bookings=(10, 1_000, 100_000),
    background_events=1_000_000,
    bookings_in_memory=(1_000, 100_000),
)
TINY = Sizes(
    rounds=1,
    bookings=20,
    seconds=0.3,
    writers=2,
    repetitions=3,
    events=2_000,
    meetings=500,
    earlier_bookings=(5, 50),
    background_events=500,
    bookings_per_host=20,
    bookings_in_memory=(20, 40),
    peers=False,
)
