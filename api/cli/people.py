"""What the command line does for people: add one, create a sign-in URL, create an API key."""

from typing import get_args
from uuid import UUID, uuid4
from zoneinfo import ZoneInfoNotFoundError

from pydantic import ValidationError
from tzlocal import reload_localzone

from api.clock import read_clock
from api.field_types import list_time_zones, normalize_email
from api.http.access.entries import record_operator_access
from api.http.validation_messages import explain_validation_error
from api.services import Services
from api.v1.bodies.people import NewPerson
from domain.email_addresses import fold_address
from domain.event import Actor, Context
from domain.person import Role
from domain.refusals import Invalid, Refusal
from integrations.clock import Clock
from store.credentials.api_keys import generate_key


def build_operator_context(clock: Clock = read_clock) -> Context:
    """Build the context of whoever runs commands on the server: the system, with every role."""
    return Context(clock(), Actor(kind="system"), uuid4().hex, "cli", frozenset({"member", "manager", "admin"}))


def add_person(
    services: Services, email: str, roles: list[str], name: str | None, time_zone: str, invite: bool = False
) -> UUID:
    """Add a person. Raises Invalid naming the option, EmailTaken."""
    if unknown := set(roles) - set(get_args(Role)):
        raise Invalid("role", f"There is no role {sorted(unknown)[0]}; the roles are {', '.join(get_args(Role))}.")
    fields = {"email": email, "roles": roles, "time_zone": time_zone, "name": name or email.split("@")[0]}
    try:
        body = NewPerson.model_validate(fields)
    except ValidationError as error:
        first_error = error.errors()[0]
        raise Invalid(str(first_error["loc"][0]), explain_validation_error(first_error)) from None
    context = build_operator_context(services.clock)
    return services.administration.add_person(context, body.to_properties(), invite=invite).id


def find_machine_zone() -> str:
    """Find the IANA name of this machine's time zone; UTC where it has none that we know."""
    try:
        zone = str(reload_localzone())
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a TZ that is no name, or a broken /etc/localtime
        return "UTC"
    return zone if zone in list_time_zones() else "UTC"


def create_sign_in_url(services: Services, email: str) -> str:
    """Create a URL that signs this person in, once, within 15 minutes. Raises NoSuchPerson."""
    code = services.api_keys.create_sign_in_code(find_person_id(services, email), services.clock())
    return f"{services.settings.base_url}/sign-in/{code}"


def make_api_key(services: Services, email: str, name: str) -> str:
    """Create an API key for this person. Raises NoSuchPerson."""
    key = generate_key()
    id, person_id = uuid4(), find_person_id(services, email)
    services.api_keys.create_key(id, person_id, name, key, services.clock())
    record_operator_access(services, "key_made", person_id, key=str(id))
    return key


def find_person_id(services: Services, email: str) -> UUID:
    """Find the id of the person with this e-mail address, however it is typed. Raises NoSuchPerson."""
    try:
        address = fold_address(normalize_email(email))
    except ValueError:
        raise NoSuchPerson from None
    person_id = services.reader.find_claims("email", [address]).get(address)
    if person_id is None:
        raise NoSuchPerson
    return person_id


class NoSuchPerson(Refusal):
    """Nobody has this e-mail address; add them with `oncelink person add`."""
