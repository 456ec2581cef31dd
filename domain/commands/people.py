"""People and meeting types: one method per command, each one transaction."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from domain.commands.command_application import Journal
from domain.commands.idempotent_creation import Request
from domain.event import Context
from domain.log import Claim, Conditions, Outcome
from domain.meeting_type import MeetingType, MeetingTypeProperties
from domain.permissions import require
from domain.person import Person, PersonProperties
from domain.refusals import EmailTaken, Invalid


class Staffing(Journal):
    """The commands of the administration, and what people may change of themselves."""

    def add_person(
        self,
        context: Context,
        properties: PersonProperties,
        key: str | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Outcome:
        """Adds a person. Raises Forbidden, EmailTaken, IdempotencyKeyReused, TryAgain."""
        request = Request(context, key, body or {})

        def decision(fresh: bool) -> Outcome:
            if before := request.already(self, fresh):
                return before
            person = Person.add(request.id, properties, context, **request.signature)
            self.refuse_if_taken(person)
            return Outcome(person.id, self.append(person, conditions=email_claimed(person)), context.now)

        return self.decide(decision)

    def update_person(
        self, context: Context, id: UUID, changes: Mapping[str, Any], version: int | None = None
    ) -> int | None:
        """Changes a person. Raises NotFound, EmailTaken, VersionConflict, Invalid, TryAgain."""

        def change(person: Person) -> Conditions | None:
            before = person.properties
            person.update(before.changed(changes), context)
            if context.actor.id == id and "admin" in set(before.roles).difference(person.properties.roles):
                raise Invalid("roles", "You cannot take the role of an admin from yourself.")
            if person.properties.email == before.email:
                return None
            self.refuse_if_taken(person)
            return email_claimed(person)

        return self.edit(Person, id, context, version, change)

    def refuse_if_taken(self, person: Person) -> None:
        """Lets no two people have one e-mail address. Raises EmailTaken."""
        email = claimed_email(person.properties.email)
        if self.reader.claimed("email", [email]).get(email, person.id) != person.id:
            raise EmailTaken

    def deactivate(self, context: Context, id: UUID) -> int | None:
        """Takes a person out of service. Raises NotFound, Invalid for oneself, TryAgain."""
        if context.actor.id == id:
            raise Invalid("id", "You cannot deactivate yourself.")
        return self.edit(Person, id, context, None, lambda person: person.deactivate(context))

    def activate(self, context: Context, id: UUID) -> int | None:
        """Puts a person back into service. Raises NotFound, TryAgain."""
        return self.edit(Person, id, context, None, lambda person: person.activate(context))

    def create_meeting_type(
        self,
        context: Context,
        properties: MeetingTypeProperties,
        key: str | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Outcome:
        """Creates a meeting type. Raises Forbidden, IdempotencyKeyReused, TryAgain."""
        require(context, "admin")
        request = Request(context, key, body or {})

        def decision(fresh: bool) -> Outcome:
            if before := request.already(self, fresh):
                return before
            meeting_type = MeetingType.create(request.id, properties, context, **request.signature)
            return Outcome(meeting_type.id, self.append(meeting_type), context.now)

        return self.decide(decision)

    def update_meeting_type(
        self, context: Context, id: UUID, changes: Mapping[str, Any], version: int | None = None
    ) -> int | None:
        """Changes a meeting type. Raises Forbidden, NotFound, VersionConflict, TryAgain."""
        require(context, "admin")
        return self.edit(
            MeetingType,
            id,
            context,
            version,
            lambda thing: thing.update(thing.properties.changed(changes), context),
        )


def claimed_email(email: str) -> str:
    """An address as it is claimed: without regard to case."""
    return email.casefold()


def email_claimed(person: Person) -> Conditions:
    """The append holds only if nobody else has the address."""
    return Conditions(claims=(Claim("email", claimed_email(person.properties.email), person.id),))
