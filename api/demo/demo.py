"""`oncelink demo`: a database, the sample organisation, keys for each of its roles, and a server, in one process."""

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

from api.app import build
from api.clock import now
from api.demo.data_folder import mark, throw_away
from api.demo.meetings import NEWSLETTER
from api.demo.organisation import JULIO, SamplePerson
from api.demo.sample import furnish
from api.logging_setup import configure
from api.server import database, listening, service_role
from api.services import Oncelink
from api.settings import Settings, WrongSetting
from api.startup import opened
from api.v1.api_keys import BEGINNING
from domain.commands.single_use_links import Given
from domain.link import Link
from domain.person import Person
from domain.refusals import Refusal
from domain.token import Token
from projections.following.positions import position
from store.credentials.api_keys import new_key
from store.schema import migrate

log = logging.getLogger("oncelink")

LONGEST_CATCH_UP_SECONDS = 60.0
ADDRESS = "127.0.0.1"
MOST_KEYS = 1000


@dataclass(frozen=True)
class Visitor:
    """Somebody of the sample organisation whom a visitor of the demo may be."""

    role: str
    email: str
    api_key: str
    sign_in_url: str


@dataclass(frozen=True)
class Guide:
    """What a visitor of the demo gets to know."""

    base_url: str
    people: list[Visitor]
    titles: list[str]
    standard_link: str
    single_use_link: str | None


def run(settings: Settings, port: int, fresh: bool, as_json: bool) -> None:
    """Serves the demo until it is told to stop; tells how to use it as soon as it answers.

    Raises CannotStart, WrongSetting, AnotherOrganisation, DatabaseUnavailable.
    """
    configure(settings.log_format, logging.WARNING)
    with listening(ADDRESS, port) as listener, suppress(KeyboardInterrupt):
        base_url = f"http://{ADDRESS}:{listener.getsockname()[1]}"
        with furnished(settings.model_copy(update={"base_url": base_url}), fresh) as (running, guide):
            tell = tell_a_machine if as_json else tell_a_person
            Announcing(running, lambda: tell(guide)).run([listener])


class Announcing(uvicorn.Server):
    """A server that says when it answers, and its lists show all that is in the log."""

    def __init__(self, settings: Settings, announce: Callable[[], None]) -> None:
        self.app = build(settings)
        super().__init__(
            uvicorn.Config(
                self.app, access_log=False, log_config=None, server_header=False, timeout_graceful_shutdown=5
            )
        )
        self.announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.should_exit:  # it could not, and has said why
            return
        if not await self.followed(self.app.state.oncelink):
            log.warning("The read models are still behind the log; lists may be incomplete for a while.")
        self.announce()

    async def followed(self, oncelink: Oncelink) -> bool:
        """Whether the read models reach the end of the log in time. Raises DatabaseAway."""
        head = (await to_thread.run_sync(position, oncelink.database)).head
        return await oncelink.waiting.reached(head, LONGEST_CATCH_UP_SECONDS)


@contextmanager
def furnished(settings: Settings, fresh: bool) -> Iterator[tuple[Settings, Guide]]:
    """A database with the sample organisation in it, as long as this lasts."""
    if settings.database_url:
        if fresh:
            raise WrongSetting("ONCELINK_DATABASE_URL: --fresh throws away an embedded database only; unset it.")
        if settings.owner_database_url:
            migrate(settings.owner_database_url, settings.db_schema, service_role(settings))
    else:
        if fresh:
            throw_away(settings.data_dir)
        mark(settings.data_dir)
    with database(settings, creates=True) as running:
        oncelink = opened(running)
        try:
            guide = guide_to(oncelink, furnish(oncelink, now()))
        finally:
            oncelink.close()
        yield running, guide


def guide_to(oncelink: Oncelink, people: list[SamplePerson]) -> Guide:
    """New keys and sign-in URLs, and two links to try."""
    return Guide(
        base_url=oncelink.settings.base_url,
        people=[visitor(oncelink, person) for person in people],
        titles=[f"{person.name}, {person.title}" for person in people],
        standard_link=standard_link(oncelink),
        single_use_link=single_use_link(oncelink),
    )


def visitor(oncelink: Oncelink, person: SamplePerson) -> Visitor:
    """A new key and sign-in URL of one person; the key of an earlier demo at this address ends."""
    name = f"Demo at {oncelink.settings.base_url}"
    for old in oncelink.keys.page(person.id, BEGINNING, MOST_KEYS):
        if old["name"] == name:
            oncelink.keys.delete(old["id"], person.id)
    key = new_key()
    oncelink.keys.make(uuid4(), person.id, name, key, now())
    code = oncelink.keys.sign_in_code(person.id, now())
    email = oncelink.staffing.get(Person, person.id).properties.email
    return Visitor(person.role, email, key, f"{oncelink.settings.base_url}/sign-in/{code}")


def standard_link(oncelink: Oncelink) -> str:
    """Where Julio's own link is now."""
    link = oncelink.publishing.get(Link, JULIO.created("julio"))
    return f"{oncelink.settings.base_url}/book/{link.properties.slug}"


def single_use_link(oncelink: Oncelink) -> str | None:
    """A single-use link that nobody has used: one of the sample's, else a new one, if Julio may still make it."""
    found = oncelink.scheduling.load(NEWSLETTER.token_ids).values()
    unused = [token.id for token in found if isinstance(token, Token) and not (token.booked or token.revoked)]
    try:
        id = unused[0] if unused else new_single_use(oncelink)
    except Refusal:
        return None
    return f"{oncelink.settings.base_url}/s/{oncelink.codes.make(id, 'book')}"


def new_single_use(oncelink: Oncelink) -> UUID:
    """Makes a single-use link of Julio's own link. Raises the refusals of issuing."""
    given = [Given(label="To try out")]
    return oncelink.issuing.issue(JULIO.at(now()), JULIO.created("julio"), given, None, {})[0].id


def tell_a_machine(guide: Guide) -> None:
    """One line of JSON on standard output."""
    people = [person.__dict__ for person in guide.people]
    print(json.dumps({"base_url": guide.base_url, "people": people}), flush=True)


def tell_a_person(guide: Guide) -> None:
    """What there is and where, with every URL and key on a line of its own, whole, to be copied."""
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
