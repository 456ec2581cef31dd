"""The environment of the torture: PostgreSQL behind a proxy, a server of two processes, a follower, an organisation."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from api.cli.people import add_person, build_operator_context, make_api_key
from api.composition.root import build_services
from api.server import DATABASE, EMBEDDED_SETTINGS, OWNER_ROLE, prepare_database
from api.services import Services
from api.settings import Settings, read_settings
from domain.meeting_type import MeetingTypeProperties
from projections.rebuild import live_tables
from store.database import Database
from store.embedded.server import Server, run_server
from store.schema import SERVICE_ROLE
from tests.api_driver import ALWAYS
from tests.once.database_proxy import DatabaseProxy, run_proxy
from tests.once.server_processes import build_environment_variables
from tests.torture.http_client import HttpClient, ResponseCuts, ResponseLost
from tests.torture.processes import run_oncelink
from tests.waiting import find_free_port, wait_until

SECRET = "only-for-torture-only-for-torture-only"
POOL_SIZE = 5
WORKERS = 2
# every commit waits a moment after its position is drawn, as on a slow disk: what goes wrong there goes wrong often
POSTGRES = {**EMBEDDED_SETTINGS, "commit_delay": "3000", "commit_siblings": "1"}
KINDS = {"short": 30, "long": 60}
LANES = 2

NO_QUOTAS = {"guest_booking_quota": 0, "guest_move_quota": 0, "guest_mail_quota": 0}  # its guests never rest


@dataclass
class TortureEnvironment:
    """Everything that clients and faults need to know."""

    folder: Path
    server: Server
    proxy: DatabaseProxy
    settings: Settings
    services: Services
    stack: ExitStack
    port: int = field(default_factory=find_free_port)
    cuts: ResponseCuts = field(default_factory=ResponseCuts)
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)

    @property
    def superuser_url(self) -> str:
        """The superuser's database URL, past the proxy."""
        return self.server.build_url(database=DATABASE)

    def start_process(self, name: str, *arguments: str) -> None:
        """Start a command of the service; it ends with the environment."""
        log = self.folder / f"{name}.log"
        process = self.stack.enter_context(
            run_oncelink(arguments, build_environment_variables(self.settings, POOL_SIZE), log)
        )
        self.processes[name] = process

    def start_follower(self) -> None:
        """Start a follower, as a process supervisor does when one has ended."""
        self.start_process("follow", "follow")

    def add_person(self, name: str, *roles: str) -> None:
        """Add a person with an API key."""
        email = f"{name}@nexora.example"
        self.ids[name] = str(add_person(self.services, email, list(roles), name, "UTC"))
        self.keys[name] = f"Bearer {make_api_key(self.services, email, 'torture')}"

    def create_client(self, cut: bool = False) -> HttpClient:
        """Create a client of the service; with `cut`, some of its responses may be lost."""
        return HttpClient(self.port, self.cuts if cut else None)

    def is_ready(self) -> bool:
        """Return whether the service is ready."""
        http_client = self.create_client()
        try:
            return http_client.send("GET", "/readyz").status == 200
        except ResponseLost:
            return False
        finally:
            http_client.close()


@contextmanager
def run_environment(folder: Path) -> Iterator[TortureEnvironment]:
    """Run the environment. Everything is stopped afterwards."""
    with ExitStack() as stack:
        server = stack.enter_context(run_server(folder / "postgres", settings=POSTGRES, restart_if_killed=True))
        prepare_database(server.build_url(), server.build_url(OWNER_ROLE, DATABASE), "oncelink")
        proxy = stack.enter_context(run_proxy(server))
        url = proxy.build_url(SERVICE_ROLE, DATABASE)
        settings = read_settings(database_url=url, data_dir=folder, secret_keys=SECRET, **NO_QUOTAS)
        services = stack.enter_context(open_direct_services(server, settings))
        environment = TortureEnvironment(folder, server, proxy, settings, services, stack)
        environment.start_follower()
        environment.start_process("serve", "serve", "--port", str(environment.port), "--workers", str(WORKERS))
        wait_until(environment.is_ready, f"the service answers: see {folder}", 120)
        create_organisation(environment)
        yield environment


@contextmanager
def open_direct_services(server: Server, settings: Settings) -> Iterator[Services]:
    """Open the services in this process, past the proxy and without a follower."""
    database = Database(server.build_url(SERVICE_ROLE, DATABASE)).open()
    live_tables.ensure_tables(database)
    services = build_services(settings, database)
    try:
        yield services
    finally:
        services.close()


def create_organisation(environment: TortureEnvironment) -> None:
    """Create people, and meeting types of two lengths."""
    environment.add_person("manager", "manager")
    for kind, minutes in KINDS.items():
        rules = {"duration_minutes": minutes, "slot_step_minutes": 30, "booking_window_days": 3650}
        meeting_type = environment.services.administration.create_meeting_type(
            build_operator_context(), MeetingTypeProperties(name=kind, **rules)
        )
        environment.ids[kind] = str(meeting_type.id)
    http_client = environment.create_client()
    for lane in range(LANES):
        for name in (f"host-{lane}", f"co-host-{lane}"):
            environment.add_person(name, "member")
            response = http_client.send(
                "PATCH", "/v1/me", {"weekly_hours": ALWAYS}, Authorization=environment.keys[name]
            )
            assert response.status == 200, response.body
    http_client.close()
