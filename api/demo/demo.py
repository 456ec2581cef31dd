"""`oncelink demo`: a database, the sample organisation, API keys for each role, and a server, in one process."""

import json
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from uuid import UUID, uuid4

import uvicorn
from anyio import to_thread
from rich.console import Console

from api.app import build_app
from api.demo.data_folder import discard_database, mark_folder
from api.demo.meetings import NEWSLETTER
from api.demo.organisation import JULIO, SamplePerson
from api.demo.sample import create_sample
from api.http.bounded_protocol import build_protocol_factory
from api.logging_setup import configure_logging
from api.server import get_service_role, hold_port, run_database
from api.services import Services
from api.settings import CONSOLE, Settings, WrongSetting
from api.startup import open_services
from api.v1.credentials.api_keys import START_OF_LIST
from domain.commands.single_use_links import SingleUseDetails
from domain.link import Link
from domain.person import Person
from domain.refusals import Refusal
from domain.token import Token
from projections.following.positions import read_positions
from store.credentials.api_keys import generate_key
from store.schema import migrate_schema

log = logging.getLogger("oncelink")

MAX_CATCH_UP_SECONDS = 60.0
ADDRESS = "127.0.0.1"
MAX_KEYS = 1000


@dataclass(frozen=True)
class DemoAccount:
    """An account of the sample organisation to try; its fields are those of the JSON output."""

    role: str
    email: str
    api_key: str
    sign_in_url: str


@dataclass(frozen=True)
class DemoGuide:
    """What the demo prints: the URL, accounts and links to try."""

    base_url: str
    people: list[DemoAccount]
    titles: list[str]
    standard_link: str
    single_use_link: str | None


def run_demo(settings: Settings, port: int, fresh: bool, as_json: bool) -> None:
    """Serve the demo until told to stop; print the guide once it answers.

    Raises CannotStart, WrongSetting, AnotherOrganisation, DatabaseUnavailable.
    """
    configure_logging(settings.log_format, logging.WARNING)
    with hold_port(ADDRESS, port) as listener, suppress(KeyboardInterrupt):
        base_url = f"http://{ADDRESS}:{listener.getsockname()[1]}"
        with run_sample_database(settings.model_copy(update={"base_url": base_url}), fresh) as (
            running_settings,
            guide,
        ):
            print_for_reader = print_json_guide if as_json else print_guide
            AnnouncingServer(running_settings, lambda: print_for_reader(guide)).run([listener])


class AnnouncingServer(uvicorn.Server):
    """A server that prints the guide once it answers and its read models have caught up."""

    def __init__(self, settings: Settings, announce: Callable[[], None]) -> None:
        self.app = build_app(settings)
        super().__init__(
            uvicorn.Config(
                self.app,
                access_log=False,
                log_config=None,
                server_header=False,
                timeout_graceful_shutdown=5,
                http=build_protocol_factory(settings),
            )
        )
        self.announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.should_exit:  # it could not start, and has logged why
            return
        if not await self.wait_for_read_models(self.app.state.services):
            log.warning("The read models are still behind the log; lists may be incomplete for a while.")
        self.announce()

    async def wait_for_read_models(self, services: Services) -> bool:
        """Wait until the read models reach the end of the log; False when they do not in time. Raises DatabaseAway."""
        head = (await to_thread.run_sync(read_positions, services.database)).head
        return await services.position_waiter.wait_for_position(head, MAX_CATCH_UP_SECONDS)


@contextmanager
def run_sample_database(settings: Settings, fresh: bool) -> Iterator[tuple[Settings, DemoGuide]]:
    """Run a database that holds the sample organisation; yields its settings and the guide.

    Without a mail server the settings print mails.
    """
    if settings.database_url:
        if fresh:
            raise WrongSetting("ONCELINK_DATABASE_URL: --fresh throws away an embedded database only; unset it.")
        if settings.owner_database_url:
            migrate_schema(settings.owner_database_url, settings.db_schema, get_service_role(settings))
    else:
        if fresh:
            discard_database(settings.data_dir)
        mark_folder(settings.data_dir)
    with run_database(settings, creates=True) as running_settings:
        services = open_services(running_settings)
        try:
            guide = build_guide(services, create_sample(services, services.clock()))
        finally:
            services.close()
        yield running_settings.model_copy(update={"smtp_url": settings.smtp_url or CONSOLE}), guide


def build_guide(services: Services, people: list[SamplePerson]) -> DemoGuide:
    """Build the guide, with new keys and sign-in URLs, and two links to try."""
    return DemoGuide(
        base_url=services.settings.base_url,
        people=[create_account(services, person) for person in people],
        titles=[f"{person.name}, {person.title}" for person in people],
        standard_link=get_standard_url(services),
        single_use_link=get_single_use_url(services),
    )


def create_account(services: Services, person: SamplePerson) -> DemoAccount:
    """Create a key and a sign-in URL for one person; the key of an earlier demo at this URL is deleted."""
    name = f"Demo at {services.settings.base_url}"
    for key_row in services.api_keys.list_keys(person.id, START_OF_LIST, MAX_KEYS):
        if key_row["name"] == name:
            services.api_keys.delete_key(key_row["id"], person.id)
    key = generate_key()
    services.api_keys.create_key(uuid4(), person.id, name, key, services.clock())
    code = services.api_keys.create_sign_in_code(person.id, services.clock())
    email = services.administration.load_aggregate(Person, person.id).properties.email
    return DemoAccount(person.role, email, key, f"{services.settings.base_url}/sign-in/{code}")


def get_standard_url(services: Services) -> str:
    """Get the URL of Julio's own link."""
    link = services.links.load_aggregate(Link, JULIO.derive_created_id("julio"))
    return f"{services.settings.base_url}/book/{link.properties.slug}"


def get_single_use_url(services: Services) -> str | None:
    """Get the URL of an unused single-use link, issuing one if needed; None when Julio may not."""
    tokens = services.scheduling.load_aggregates(NEWSLETTER.token_ids).values()
    unused_ids = [
        token.id for token in tokens if isinstance(token, Token) and not (token.booked_event or token.revoked)
    ]
    try:
        id = unused_ids[0] if unused_ids else issue_single_use(services)
    except Refusal:
        return None
    return f"{services.settings.base_url}/s/{services.codes.create_code(id, 'book')}"


def issue_single_use(services: Services) -> UUID:
    """Issue a single-use link of Julio's own link. Raises the refusals of issuing."""
    details = [SingleUseDetails(label="To try out")]
    return services.single_use_links.issue_links(
        JULIO.build_context(services.clock()), JULIO.derive_created_id("julio"), details, None, {}
    )[0].id


def print_json_guide(guide: DemoGuide) -> None:
    """Print the guide as one line of JSON."""
    people = [person.__dict__ for person in guide.people]
    print(json.dumps({"base_url": guide.base_url, "people": people}), flush=True)


def print_guide(guide: DemoGuide) -> None:
    """Print the guide; every URL and key is on a line of its own."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(
        f"\n  [bold green]Oncelink[/] is ready at [bold]{guide.base_url}[/], with the people of Nexora Systems."
    )
    console.print("  [dim]Sign-in URLs work once, within 15 minutes; `oncelink sign-in EMAIL` makes another.[/]\n")
    for person, title in zip(guide.people, guide.titles, strict=True):
        console.print(f"  [bold cyan]{person.role:8}[/] {title} [dim]<{person.email}>[/]")
        console.print(f"           [dim]sign in[/]  {person.sign_in_url}")
        console.print(f"           [dim]API key[/]  {person.api_key}\n")
    console.print("  [bold cyan]to try[/]")
    console.print(f"    a standard link    {guide.standard_link}")
    if guide.single_use_link:
        console.print(f"    a single-use link  {guide.single_use_link}")
    console.print(f"    the API            {guide.base_url}/docs\n")
    console.print("  Ctrl-C stops the server and its database; what is in it stays for the next time.\n")
