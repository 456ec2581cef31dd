"""Links and managed links: one method per command, each one transaction."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any
from uuid import UUID, uuid4

from slugify import slugify

from domain.aggregate import Aggregate
from domain.commands.command_application import Journal
from domain.commands.idempotent_creation import Request
from domain.event import Context
from domain.link import Link, LinkProperties
from domain.log import Claim, Conditions, Outcome, StaleRead
from domain.managed_link import ManagedLink, ManagedLinkProperties
from domain.meeting_type import MeetingType
from domain.permissions import require, require_link_edited, require_link_switched
from domain.person import Person
from domain.refusals import Invalid, SlugTaken

SLUG_LENGTH = 40
PART_LENGTH = 15


class Publishing(Journal):
    """The commands around links. What is changed here reaches every unused single-use link at once."""

    def create_link(
        self, context: Context, wanted: Mapping[str, Any], key: str | None = None, body: Mapping[str, Any] | None = None
    ) -> Outcome:
        """Publishes a standard link of the person who asks; `wanted` has the properties, the slug may be None.

        Raises Forbidden, SlugTaken, Invalid, IdempotencyKeyReused, TryAgain.
        """
        require(context, "member")
        request = Request(context, key, body or {})

        def decision(fresh: bool) -> Outcome:
            if before := request.already(self, fresh):
                return before
            slug = self.free_slug(wanted.get("slug"), wanted["name"])
            properties = LinkProperties(kind="standard", owner_id=context.actor.id, **{**wanted, "slug": slug})
            reads = self.parts(properties, fresh)
            link = Link.create(request.id, properties, context, **request.signature)
            conditions = Conditions(reads=reads, claims=(slug_claim(link),))
            try:
                return Outcome(link.id, self.append(link, conditions=conditions), context.now)
            except SlugTaken:
                if wanted.get("slug") is None:  # it was free when we looked: look for another one
                    raise StaleRead from None
                raise

        return self.decide(decision)

    def update_link(
        self, context: Context, id: UUID, changes: Mapping[str, Any], version: int | None = None
    ) -> int | None:
        """Changes a link. Raises NotFound, Forbidden, LinkDeleted, SlugTaken, Invalid, VersionConflict, TryAgain."""

        def change(link: Link) -> Conditions:
            require_link_edited(context, link)
            properties = link.properties.changed(changes)
            reads = self.parts(properties, fresh=True, before=link.properties)
            renamed = properties.slug != link.properties.slug
            if renamed:
                self.free_slug(properties.slug, properties.name, id)
            link.update(properties, context)
            return Conditions(reads=reads, claims=(slug_claim(link),) if renamed else ())

        return self.edit(Link, id, context, version, change)

    def switch_link(self, context: Context, id: UUID, on: bool) -> int | None:
        """Switches a link on or off. Raises NotFound, Forbidden, LinkDeleted, TryAgain."""

        def change(link: Link) -> None:
            require_link_switched(context, link)
            if on:
                link.enable(context)
            else:
                link.disable(context)

        return self.edit(Link, id, context, None, change)

    def delete_link(self, context: Context, id: UUID, version: int | None = None) -> int | None:
        """Deletes a link. Raises NotFound, Forbidden, VersionConflict, TryAgain."""

        def change(link: Link) -> None:
            require_link_edited(context, link)
            link.delete(context)

        return self.edit(Link, id, context, version, change)

    def create_managed_link(
        self, context: Context, wanted: ManagedLinkProperties, key: str | None, body: Mapping[str, Any]
    ) -> Outcome:
        """Makes a managed link, with a core link for each host in the same append.

        Raises Forbidden, SlugTaken, Invalid, IdempotencyKeyReused, TryAgain.
        """
        require(context, "manager")
        request = Request(context, key, body)

        def decision(fresh: bool) -> Outcome:
            if before := request.already(self, fresh):
                return before
            people = self.people("host_ids", wanted.host_ids, fresh)
            meeting_type = self.meeting_type(wanted.meeting_type_id, fresh)
            self.free_slug(wanted.slug, wanted.name)
            links = self.links_for(people, wanted, request.id, context)
            properties = wanted.changed(
                {
                    "created_by_id": context.actor.id,
                    "links": {link.properties.owner_id: link.id for link in links},
                }
            )
            managed = ManagedLink.create(request.id, properties, context, **request.signature)
            claims = (Claim("slug", wanted.slug, managed.id), *map(slug_claim, links))
            conditions = Conditions(reads=(meeting_type, *people), claims=claims)
            return Outcome(managed.id, self.append(*links, managed, conditions=conditions), context.now)

        return self.decide(decision)

    def update_managed_link(
        self, context: Context, id: UUID, changes: Mapping[str, Any], version: int | None = None
    ) -> int | None:
        """Changes a managed link and every host's link in the same append; a host taken off has its link deleted.

        Raises Forbidden, NotFound, SlugTaken, Invalid, VersionConflict, TryAgain.
        """
        require(context, "manager")

        def decision(again: bool) -> int | None:
            managed = self.get(ManagedLink, id)
            if again and (position := self.reader.request_position(id, context.request_id)):
                return position
            managed.expect(version)
            managed = managed.after(())
            before = managed.properties
            after = before.changed(changes)
            people = {one.id: one for one in self.people("host_ids", after.host_ids, True, before.host_ids)}
            meeting_type = self.meeting_type(after.meeting_type_id, True)
            if after.slug != before.slug:
                self.free_slug(after.slug, after.name, id)
            kept = self.rewritten(before, after, people, context)
            added = [people[host] for host in after.host_ids if host not in before.links]
            made = self.links_for(added, after, id, context, [link.properties.slug for link in kept])
            hosts = {link.properties.owner_id: link.id for link in (*kept, *made) if not link.deleted}
            managed.update(after.changed({"links": {host: hosts[host] for host in after.host_ids}}), context)
            renamed = kept if shared_part(after) != shared_part(before) else []
            claims = [slug_claim(link) for link in (*renamed, *made) if not link.deleted]
            if after.slug != before.slug:
                claims.append(Claim("slug", after.slug, id))
            conditions = Conditions(reads=(meeting_type, *people.values()), claims=claims)
            return self.append(*kept, *made, managed, conditions=conditions)

        return self.decide(decision)

    def rewritten(
        self,
        before: ManagedLinkProperties,
        after: ManagedLinkProperties,
        people: Mapping[UUID, Person],
        context: Context,
    ) -> list[Link]:
        """The links of a managed link with the change written to each; those of hosts taken off deleted."""
        links = [found.after(()) for found in self.load(before.links.values()).values() if isinstance(found, Link)]
        slugs: list[str] = []
        for link in links:
            owner_id = link.properties.owner_id
            if owner_id not in after.host_ids:
                link.delete(context)
            elif not link.deleted:
                renamed = shared_part(after) != shared_part(before)
                slug = self.slug_for(people[owner_id], after, slugs) if renamed else link.properties.slug
                slugs.append(slug)
                link.update(link.properties.changed({**passed_on(after), "slug": slug}), context)
        return links

    def slug_for(self, host: Person, managed: ManagedLinkProperties, taken: Collection[str]) -> str:
        """A free slug for a host's link of a managed link."""
        return self.free_name(stem_for(host, managed), taken)

    def links_for(
        self,
        people: Iterable[Person],
        managed: ManagedLinkProperties,
        managed_id: UUID,
        context: Context,
        taken: Collection[str] = (),
    ) -> list[Link]:
        """A new core link for each of these hosts, under slugs that are free."""
        links: list[Link] = []
        for person in people:
            slug = self.slug_for(person, managed, [*taken, *(link.properties.slug for link in links)])
            properties = LinkProperties(
                kind="managed", slug=slug, owner_id=person.id, managed_link_id=managed_id, **passed_on(managed)
            )
            links.append(Link.create(uuid4(), properties, context))
        return links

    def free_slug(self, wanted: str | None, name: str, own: UUID | None = None) -> str:
        """The slug asked for, or a free one made from the name. Raises SlugTaken."""
        if wanted is None:
            return self.free_name(slugify(name, max_length=SLUG_LENGTH - 3, word_boundary=True) or "link")
        if self.reader.claimed("slug", [wanted]).get(wanted, own) != own:
            raise SlugTaken
        return wanted

    def free_name(self, stem: str, taken: Collection[str] = ()) -> str:
        """The first of stem, stem-2, stem-3 … that nobody has."""
        for hundred in range(0, 100_000, 100):
            names = [numbered(stem, number) for number in range(hundred + 1, hundred + 101)]
            claimed = self.reader.claimed("slug", names)
            for name in names:
                if name not in claimed and name not in taken:
                    return name
        raise SlugTaken

    def parts(self, wanted: LinkProperties, fresh: bool, before: LinkProperties | None = None) -> tuple[Aggregate, ...]:
        """What a link refers to, checked. Raises Invalid."""
        if wanted.owner_id in wanted.co_host_ids:
            raise Invalid("co_host_ids", "The link's owner is its host already.")
        kept = before.co_host_ids if before else ()
        people = self.people("co_host_ids", wanted.co_host_ids, fresh, kept)
        return (self.meeting_type(wanted.meeting_type_id, fresh), *people)

    def meeting_type(self, id: UUID, fresh: bool) -> MeetingType:
        """The meeting type that a link is to have. Raises Invalid."""
        found = self.load([id], fresh).get(id)
        if not isinstance(found, MeetingType):
            raise Invalid("meeting_type_id", "There is no such meeting type.")
        return found

    def people(self, field: str, ids: Collection[UUID], fresh: bool, kept: Collection[UUID] = ()) -> list[Person]:
        """The people whose time a link is to take; new ones must be active. Raises Invalid."""
        if len(set(ids)) < len(ids):
            raise Invalid(field, "Each person once.")
        found = self.load(ids, fresh)
        people = [person for id in ids if isinstance(person := found.get(id), Person)]
        if len(people) < len(ids) or not all(person.active or person.id in kept for person in people):
            raise Invalid(field, "Every one must be an active person.")
        return people


def passed_on(managed: ManagedLinkProperties) -> dict[str, Any]:
    """What each host's link has from its managed link."""
    return {
        "name": managed.name,
        "meeting_type_id": managed.meeting_type_id,
        "expires_at": managed.expires_at,
    }


def shared_part(managed: ManagedLinkProperties) -> str:
    """What the slugs of all hosts' links begin with."""
    return managed.slug[: SLUG_LENGTH - 1 - PART_LENGTH]


def stem_for(host: Person, managed: ManagedLinkProperties) -> str:
    """The slug of a host's link: the shared part, then whole words of the host's name as far as there is room."""
    shared = f"{shared_part(managed)}-"
    room = SLUG_LENGTH - len("-99") - len(shared)
    return shared + (slugify(host.properties.name, max_length=room, word_boundary=True) or "host")


def numbered(stem: str, number: int) -> str:
    """The stem itself first, then with a number, within the length of a slug."""
    return stem if number == 1 else f"{stem[: SLUG_LENGTH - 1 - len(str(number))]}-{number}"


def slug_claim(link: Link) -> Claim:
    """The append holds only if nobody else has the slug."""
    return Claim("slug", link.properties.slug, link.id)
