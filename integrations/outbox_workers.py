"""The couriers of a process: as many for mail as the settings want, one for calendars, begun and ended together."""

from collections.abc import Sequence
from dataclasses import dataclass

from api.services import Oncelink
from integrations.calendars.calendar_worker import CalendarCourier
from integrations.outbox_worker import Courier


@dataclass(frozen=True)
class Couriers:
    """The couriers of a process, at work."""

    couriers: Sequence[Courier]

    def close(self) -> None:
        """Ends all of them, at the same time."""
        for courier in self.couriers:
            courier.ask_to_stop()
        for courier in self.couriers:
            courier.stop()


def couriers_of(oncelink: Oncelink) -> Couriers:
    """As many couriers as the settings want, and one for calendars where they want any."""
    couriers = [Courier(oncelink) for _ in range(oncelink.settings.couriers)]
    if couriers:
        couriers.append(CalendarCourier(oncelink))
    for courier in couriers:
        courier.start()
        oncelink.bell.listen(courier.wake)
    return Couriers(couriers)
