"""An organisation with a mail server, and a courier that does one thing at a time, when it is told to."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api import clock
from api.app import build
from api.settings import Settings
from integrations import outbox_worker
from integrations.mail.mail_transport import Post
from integrations.outbox_worker import Courier, Pace
from tests.api_driver import House
from tests.integrations.mail.smtp_server import Mailbox, mailbox


@dataclass
class Desk:
    """A house, its mail server, and a courier at hand. `later` moves the courier's clock."""

    house: House
    box: Mailbox
    runner: asyncio.Runner
    ahead: timedelta = timedelta()
    slugs: Iterator[int] = field(default_factory=lambda: iter(range(1000)))

    def __post_init__(self) -> None:
        self.courier = self.hired()

    def hired(self) -> Courier:
        """A courier who knows nothing yet."""
        return Courier(self.house.oncelink, Pace(first_pause=0.05, longest_pause=0.1))

    def now(self) -> datetime:
        """The courier's time."""
        return clock.now() + self.ahead

    def later(self, **span: float) -> None:
        """Time goes by."""
        self.ahead += timedelta(**span)

    def follow(self) -> None:
        """The read models are as far as the log."""
        self.house.log()

    def deliver(self) -> None:
        """Everything that is due is handed over, or is not; rows that the follower has locked are looked at again."""
        post = Post(self.house.oncelink.settings)
        try:
            self.follow()
            while self.round(post):
                self.follow()
        finally:
            self.runner.run(post.hang_up())

    def round(self, post: Post) -> int:
        """How many things a courier dealt with that looks again and again until it finds nothing."""
        self.courier._done.clear()
        done = 0
        while self.courier.deliver(self.runner, post):
            done += 1
        return done

    def book(self, number: int = 3, **link: Any) -> tuple[str, str]:
        """A new link and a booking on it: the booking's id and its manage code."""
        slug = f"talk-{next(self.slugs)}"
        self.house.link("Talk", slug=slug, **link)
        made = self.house.book(slug, self.house.slots(slug)[number])
        return made["booking"]["id"], made["manage_url"].rsplit("/", 1)[1]

    def told(self, id: str) -> list[Any]:
        """What the API says of the mails of a booking."""
        return self.house.get(f"/v1/bookings/{id}/mail", "manager")["items"]  # type: ignore[no-any-return]

    def states(self, id: str) -> dict[tuple[str, str], str]:
        """How each mail of a booking stands, by what it says and to whom."""
        return {(one["what"], one["to"]): one["state"] for one in self.told(id)}

    def events(self, id: str) -> list[Any]:
        """What the log says of telling people of a booking."""
        rows = self.house.get(f"/v1/history/streams/{id}", "auditor")["items"]
        return [row for row in rows if row["type"].startswith("Mail")]


@pytest.fixture
def box() -> Iterator[Mailbox]:
    """A mail server."""
    with mailbox() as found:
        yield found


@pytest.fixture
def desk(settings: Settings, box: Mailbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A running service with an organisation in it, whose mail a test hands over."""
    with (
        TestClient(build(settings.model_copy(update=box.settings)), raise_server_exceptions=False) as client,
        asyncio.Runner() as runner,
    ):
        found = Desk(House.furnished(client), box, runner)
        monkeypatch.setattr(outbox_worker, "now", found.now)
        yield found
