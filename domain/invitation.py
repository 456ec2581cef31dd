"""An invitation: the mail that tells a person that they were added, and how to sign in."""

from uuid import UUID, uuid5

from domain.event import Context, Event
from domain.notifications.notified_aggregate import NotifiedAggregate

# What happened


class PersonInvited(Event, name="PersonInvited.v1"):
    """A person is invited by mail to sign in. The link in the mail is made when it is sent, and is in no event."""

    person_id: UUID


class Invitation(NotifiedAggregate):
    """The invitation of one person; sent again, it is the same one. A stream of its own leaves theirs unchanged."""

    person_id: UUID

    # What may happen

    @classmethod
    def create(cls, person_id: UUID, context: Context) -> "Invitation":
        """Creates the invitation of a person."""
        invitation = cls(derive_invitation_id(person_id))
        invitation.record_event(PersonInvited, context, person_id=person_id)
        return invitation

    # How history becomes state

    def evolve(self, event: Event) -> None:
        super().evolve(event)
        if isinstance(event, PersonInvited):
            self.person_id = event.person_id


def derive_invitation_id(person_id: UUID) -> UUID:
    """Returns the id of a person's invitation, of which there is at most one."""
    return uuid5(person_id, "invitation")
