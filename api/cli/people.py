"""What the command line does for people: the first person, a sign-in URL, an API key."""

from typing import get_args
from uuid import UUID, uuid4

from pydantic import ValidationError

from api.clock import now
from api.http.validation_messages import message_of
from api.services import Oncelink
from api.v1.request_bodies import NewPerson
from domain.commands.people import claimed_email
from domain.event import Actor, Context
from domain.person import PersonProperties, Role
from domain.refusals import Invalid, Refusal
from store.credentials.api_keys import new_key


def by_operator() -> Context:
    """The context of whoever may run commands on the server: the system itself, with every role."""
    return Context(now(), Actor(kind="system"), uuid4().hex, "cli", frozenset({"member", "manager", "admin"}))


def add_person(oncelink: Oncelink, email: str, roles: list[str], name: str | None, time_zone: str) -> UUID:
    """Adds a person. Raises Invalid naming the option, EmailTaken."""
    if unknown := set(roles) - set(get_args(Role)):
        raise Invalid("role", f"There is no role {sorted(unknown)[0]}; the roles are {', '.join(get_args(Role))}.")
    given = {"email": email, "roles": roles, "time_zone": time_zone, "name": name or email.split("@")[0]}
    try:
        body = NewPerson.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        raise Invalid(str(first["loc"][0]), message_of(first)) from None
    properties = PersonProperties(**{field: value for field, value in dict(body).items() if value is not None})
    return oncelink.staffing.add_person(by_operator(), properties).id


def sign_in_url(oncelink: Oncelink, email: str) -> str:
    """A URL that signs this person in, once, within 15 minutes. Raises NoSuchPerson."""
    code = oncelink.keys.sign_in_code(person_id(oncelink, email), now())
    return f"{oncelink.settings.base_url}/sign-in/{code}"


def make_api_key(oncelink: Oncelink, email: str, name: str) -> str:
    """A new API key of this person. Raises NoSuchPerson."""
    key = new_key()
    oncelink.keys.make(uuid4(), person_id(oncelink, email), name, key, now())
    return key


def person_id(oncelink: Oncelink, email: str) -> UUID:
    """Who has this e-mail address. Raises NoSuchPerson."""
    address = claimed_email(email)
    found = oncelink.reader.claimed("email", [address]).get(address)
    if found is None:
        raise NoSuchPerson
    return found


class NoSuchPerson(Refusal):
    """Nobody has this e-mail address; add them with `oncelink person add`."""
