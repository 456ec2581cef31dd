"""Who it is that the OpenID provider names: somebody bound before, somebody with that address, or somebody new."""

from dataclasses import dataclass
from uuid import UUID

from fastapi import Request
from pydantic import ValidationError

from api.http.access.entries import record_access
from api.services import Services
from api.v1.bodies.people import NewPerson
from domain.email_addresses import fold_address
from domain.event import Context
from domain.person import Person
from integrations.identity.claims import is_join_allowed, read_name, read_roles, read_verified_email
from integrations.identity.errors import (
    EmailUnverified,
    PersonBoundToAnother,
    PersonDeactivated,
    PersonUnknown,
    SignInRefused,
)
from integrations.identity.sign_in_request import SignedIn
from integrations.system_context import build_system_context
from store.credentials.identities import Identity


@dataclass(frozen=True, slots=True)
class Welcome:
    """Who signs in, and the position of what was changed for it, if anything was."""

    person: Person
    position: int | None


def find_or_join_person(services: Services, request: Request, signed_in: SignedIn) -> Welcome:
    """Find the person of an identity, binding or adding them at the first time, with the roles that the claim has.

    Raises SignInRefused.
    """
    identity = Identity(signed_in.claims["iss"], signed_in.claims["sub"])
    context = build_system_context(services.clock())
    person_id = services.identities.find_person(identity)
    position = None
    if person_id is None:
        person_id, position = bind_person(services, context, signed_in, identity)
        record_access(services, request, "identity_bound", person_id, person_id, issuer=identity.issuer)
    person = load_person(services, person_id)
    if not person.active:
        raise PersonDeactivated
    changed_at = update_roles(services, request, context, person, signed_in)
    return Welcome(person, changed_at or position)


def bind_person(
    services: Services, context: Context, signed_in: SignedIn, identity: Identity
) -> tuple[UUID, int | None]:
    """Bind an identity to the person with its verified address, who joins if their domain may. Raises SignInRefused."""
    settings = services.settings
    email = read_verified_email(signed_in.claims, settings.oidc_trust_email)
    if email is None:
        raise EmailUnverified
    key = fold_address(email)
    person_id: UUID | None = services.reader.find_claims("email", [key]).get(key)
    position = None
    if person_id is None:
        if not is_join_allowed(email, settings.join_domains):
            raise PersonUnknown
        person_id, position = add_person(services, context, signed_in, email)
    elif not load_person(services, person_id).active:
        raise PersonDeactivated
    if not services.identities.bind(identity, person_id, context.now):
        raise PersonBoundToAnother
    return person_id, position


def add_person(services: Services, context: Context, signed_in: SignedIn, email: str) -> tuple[UUID, int | None]:
    """Add somebody who joins by their domain, in the organisation's time zone until they confirm their own."""
    roles = read_roles(signed_in.claims, services.settings.oidc_roles_claim) or ["member"]
    time_zone = services.organisation.load_organisation().properties.time_zone
    for name in (read_name(signed_in.claims, email), email.partition("@")[0]):
        try:
            body = NewPerson.model_validate({"name": name, "email": email, "time_zone": time_zone, "roles": roles})
        except ValidationError:
            continue
        result = services.administration.add_person(context, body.to_properties())
        return result.id, result.position
    raise PersonUnknown


def update_roles(
    services: Services, request: Request, context: Context, person: Person, signed_in: SignedIn
) -> int | None:
    """Give somebody the roles that the claim names now. Returns the position of the change, or None."""
    path = services.settings.oidc_roles_claim
    roles = read_roles(signed_in.claims, path) if path else None
    if roles is None or set(roles) == set(person.properties.roles):
        return None
    position = services.administration.update_person(context, person.id, {"roles": tuple(roles)})
    record_access(services, request, "role_change", None, person.id, roles=" ".join(roles))
    return position


def load_person(services: Services, id: UUID) -> Person:
    """Return a person as they are in the log. Raises PersonUnknown."""
    person = services.administration.load_aggregates([id], fresh=True).get(id)
    if not isinstance(person, Person):
        refusal: SignInRefused = PersonUnknown()
        raise refusal
    return person
