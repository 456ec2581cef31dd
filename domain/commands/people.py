"""Commands on people and meeting types: one method per command, each one transaction."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.availability.days_off import YEARS_KNOWN, ListHolidays
from domain.commands.command_application import CommandApplication
from domain.commands.command_group import CommandGroup
from domain.commands.idempotent_creation import IdempotentCreation
from domain.email_addresses import fold_address
from domain.event import Context
from domain.invitation import Invitation, derive_invitation_id
from domain.link import Link
from domain.log import AppendConditions, Claim, CommandResult
from domain.meeting_type import MeetingType, MeetingTypeProperties
from domain.notifications.mail_delivery import MailRequested
from domain.permissions import require_role
from domain.person import Person, PersonProperties
from domain.refusals import EmailTaken, Invalid, NothingToSend


class AdministrationCommands(CommandGroup):
    """The commands of administrators, and those on one's own profile."""

    def __init__(self, application: CommandApplication, list_holidays: ListHolidays) -> None:
        super().__init__(application)
        self.list_holidays = list_holidays

    def look_up_holidays(self, properties: PersonProperties, now: datetime) -> PersonProperties:
        """Returns the properties with the days of the holidays, as the calendar has them now. Raises Invalid."""
        holidays = properties.holidays
        if holidays is None:
            return properties
        years = range(now.year, now.year + YEARS_KNOWN)
        days = self.list_holidays(holidays.country, holidays.region, years)
        past = tuple(entry for entry in holidays.days if entry[0] < f"{now.year}-")
        return properties.apply_changes({"holidays": holidays.model_copy(update={"days": (*past, *days)})})

    def refresh_holidays(self, context: Context, id: UUID) -> int | None:
        """Records the holidays of a person as the calendar has them now. Returns the position, or None if it knew them.

        Raises NotFound, TryAgain.
        """

        def change(person: Person) -> None:
            person.update(self.look_up_holidays(person.properties, context.now), context)

        return self.change_aggregate(Person, id, context, change)

    def refuse_unknown_links(self, properties: PersonProperties, known_ids: Collection[UUID] = ()) -> None:
        """Checks that the link of each colleague in the absences exists; those known before may be deleted by now.

        Raises Invalid.
        """
        ids = {absence.instead_link_id for absence in properties.absences if absence.instead_link_id}
        new_ids = ids.difference(known_ids)
        links = self.load_aggregates(new_ids) if new_ids else {}
        if not all(isinstance(link := links.get(id), Link) and not link.deleted for id in new_ids):
            raise Invalid("absences.instead_link_id", "There is no such link.")

    def add_person(
        self,
        context: Context,
        properties: PersonProperties,
        key: str | None = None,
        body: Mapping[str, Any] | None = None,
        invite: bool = False,
    ) -> CommandResult:
        """Adds a person, and with `invite` their invitation by mail in the same append.

        Raises Forbidden, EmailTaken, Invalid, IdempotencyKeyReused, TryAgain.
        """
        creation = IdempotentCreation(context, key, body or {})

        def decide(_: bool) -> int | None:
            self.refuse_unknown_links(properties)
            completed_properties = self.look_up_holidays(properties, context.now)
            person = Person.add(creation.id, completed_properties, context, **creation.build_event_fields())
            self.refuse_if_email_taken(person)
            invitations = [Invitation.create(person.id, context)] if invite else []
            return self.append_events(*invitations, person, conditions=build_email_conditions(person))

        return self.create_aggregate(creation, decide)

    def invite_person(self, context: Context, id: UUID) -> int | None:
        """Mails a person an invitation, or the same one again unless it is on its way. Returns the position, or None.

        Raises Forbidden, NotFound, NothingToSend for somebody who is deactivated, TryAgain.
        """
        require_role(context, "admin")

        def decide(person: Person, _: bool) -> int | None:
            if not person.active:
                raise NothingToSend
            invitation = self.load_aggregates([derive_invitation_id(id)]).get(derive_invitation_id(id))
            if not isinstance(invitation, Invitation):
                return self.append_events(Invitation.create(id, context))
            invitation = invitation.copy_with_events(())
            [notification] = invitation.outbox.list_notifications()
            invitation.request_notification(MailRequested, context, notification)
            return self.append_events(invitation)

        return self.decide_on_aggregate(Person, id, context, decide)

    def update_person(
        self, context: Context, id: UUID, changes: Mapping[str, Any], version: int | None = None
    ) -> int | None:
        """Changes a person. Raises NotFound, EmailTaken, VersionConflict, Invalid, TryAgain."""

        def change(person: Person) -> AppendConditions | None:
            before = person.properties
            after = before.apply_changes(changes)
            self.refuse_unknown_links(after, [away.instead_link_id for away in before.absences if away.instead_link_id])
            person.update(self.look_up_holidays(after, context.now) if "holidays" in changes else after, context)
            if context.actor.id == id and "admin" in set(before.roles).difference(person.properties.roles):
                raise Invalid("roles", "You cannot take the role of an admin from yourself.")
            if person.properties.email == before.email:
                return None
            self.refuse_if_email_taken(person)
            return build_email_conditions(person)

        return self.change_aggregate(Person, id, context, change, version)

    def refuse_if_email_taken(self, person: Person) -> None:
        """Checks that nobody else has the e-mail address. Raises EmailTaken."""
        email = fold_address(person.properties.email)
        if self.reader.find_claims("email", [email]).get(email, person.id) != person.id:
            raise EmailTaken

    def deactivate_person(self, context: Context, id: UUID) -> int | None:
        """Deactivates a person. Raises NotFound, Invalid for oneself, TryAgain."""
        if context.actor.id == id:
            raise Invalid("id", "You cannot deactivate yourself.")
        return self.change_aggregate(Person, id, context, lambda person: person.deactivate(context))

    def activate_person(self, context: Context, id: UUID) -> int | None:
        """Activates a person. Raises NotFound, TryAgain."""
        return self.change_aggregate(Person, id, context, lambda person: person.activate(context))

    def create_meeting_type(
        self,
        context: Context,
        properties: MeetingTypeProperties,
        key: str | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> CommandResult:
        """Creates a meeting type. Raises Forbidden, Invalid, IdempotencyKeyReused, TryAgain."""
        require_role(context, "admin")
        creation = IdempotentCreation(context, key, body or {})

        def decide(_: bool) -> int | None:
            return self.append_events(
                MeetingType.create(creation.id, properties, context, **creation.build_event_fields())
            )

        return self.create_aggregate(creation, decide)

    def update_meeting_type(
        self, context: Context, id: UUID, changes: Mapping[str, Any], version: int | None = None
    ) -> int | None:
        """Changes a meeting type. Raises Forbidden, Invalid, NotFound, VersionConflict, TryAgain."""
        require_role(context, "admin")

        def change(meeting_type: MeetingType) -> None:
            meeting_type.update(meeting_type.properties.apply_changes(changes), context)

        return self.change_aggregate(MeetingType, id, context, change, version)


def build_email_conditions(person: Person) -> AppendConditions:
    """Returns the conditions that make the append fail if somebody else has the address."""
    return AppendConditions(claims=(Claim("email", fold_address(person.properties.email), person.id),))
