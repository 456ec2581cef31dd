"""Where torture happens: a PostgreSQL behind a proxy, a server of two processes, a follower, an organisation."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from api.cli.people import add_person, by_operator, make_api_key
from api.server import DATABASE, EMBEDDED_SETTINGS, OWNER_ROLE, prepare
from api.services import Oncelink, compose
from api.settings import Settings, read_settings
from domain.meeting_type import MeetingTypeProperties
from projections.rebuild import live_tables
from store.database import Database
from store.embedded.server import Server, running
from store.schema import SERVICE_ROLE
from tests.api_driver import ALWAYS
from tests.once.database_proxy import Proxy, proxying
from tests.once.server_processes import environment, free_port, wait_until
from tests.torture.http_client import Caller, Cuts, Lost
from tests.torture.processes import oncelink

SECRET = "only-for-torture-only-for-torture-only"
POOL_SIZE = 5
WORKERS = 2
# every commit waits a moment after its position is drawn, as on a slow disk: what goes wrong there goes wrong often
POSTGRES = {**EMBEDDED_SETTINGS, "commit_delay": "3000", "commit_siblings": "1"}
KINDS = {"short": 30, "long": 60}
LANES = 2


@dataclass
class Place:
    """Everything that clients and faults need to know."""

    folder: Path
    server: Server
    proxy: Proxy
    settings: Settings
    inside: Oncelink
    stack: ExitStack
    port: int = field(default_factory=free_port)
    cuts: Cuts = field(default_factory=Cuts)
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)

    @property
    def superuser_url(self) -> str:
        """How somebody who may do everything reaches the database, past the proxy."""
        return self.server.url(database=DATABASE)

    def start(self, name: str, *arguments: str) -> None:
        """Starts a command of the service; it ends with the place."""
        log = self.folder / f"{name}.log"
        process = self.stack.enter_context(oncelink(arguments, environment(self.settings, POOL_SIZE), log))
        self.processes[name] = process

    def follow(self) -> None:
        """Starts a follower, as whatever starts processes on a machine does when one has ended."""
        self.start("follow", "follow")

    def hire(self, name: str, *roles: str) -> None:
        """A person with time around the clock."""
        email = f"{name}@nexora.example"
        self.ids[name] = str(add_person(self.inside, email, list(roles), name, "UTC"))
        self.keys[name] = f"Bearer {make_api_key(self.inside, email, 'torture')}"

    def caller(self, cut: bool = False) -> Caller:
        """A client of the service, some of whose answers may be lost."""
        return Caller(self.port, self.cuts if cut else None)

    def answers(self) -> bool:
        """Whether the service does."""
        caller = self.caller()
        try:
            return caller.send("GET", "/readyz").status == 200
        except Lost:
            return False
        finally:
            caller.close()


@contextmanager
def place(folder: Path) -> Iterator[Place]:
    """The place, with everything running; everything is ended afterwards."""
    with ExitStack() as stack:
        server = stack.enter_context(running(folder / "postgres", settings=POSTGRES, watched=True))
        prepare(server.url(), server.url(OWNER_ROLE, DATABASE), "oncelink")
        proxy = stack.enter_context(proxying(server))
        url = proxy.url(SERVICE_ROLE, DATABASE)
        settings = read_settings(database_url=url, data_dir=folder, secret_keys=SECRET)
        inside = stack.enter_context(composed_at(server, settings))
        here = Place(folder, server, proxy, settings, inside, stack)
        here.follow()
        here.start("serve", "serve", "--port", str(here.port), "--workers", str(WORKERS))
        wait_until(here.answers, f"the service answers: see {folder}", 120)
        furnish(here)
        yield here


@contextmanager
def composed_at(server: Server, settings: Settings) -> Iterator[Oncelink]:
    """The parts of the service in this process, past the proxy, following nothing."""
    database = Database(server.url(SERVICE_ROLE, DATABASE)).open()
    live_tables.ensure(database)
    inside = compose(settings, database)
    try:
        yield inside
    finally:
        inside.close()


def furnish(here: Place) -> None:
    """People, and meeting types of two lengths."""
    here.hire("manager", "manager")
    for kind, minutes in KINDS.items():
        rules = {"duration_minutes": minutes, "slot_step_minutes": 30, "booking_window_days": 3650}
        made = here.inside.staffing.create_meeting_type(by_operator(), MeetingTypeProperties(name=kind, **rules))
        here.ids[kind] = str(made.id)
    caller = here.caller()
    for lane in range(LANES):
        for name in (f"host-{lane}", f"co-host-{lane}"):
            here.hire(name, "member")
            answer = caller.send("PATCH", "/v1/me", {"weekly_hours": ALWAYS}, Authorization=here.keys[name])
            assert answer.status == 200, answer.body
    caller.close()
