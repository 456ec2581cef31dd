"""Commands on links and managed links: one method per command, each one transaction."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any
from uuid import UUID, uuid4

from slugify import slugify

from domain.aggregate import Aggregate
from domain.commands.command_group import CommandGroup
from domain.commands.idempotent_creation import IdempotentCreation
from domain.event import Context
from domain.link import Link, LinkProperties
from domain.log import AppendConditions, Claim, CommandResult, StaleRead
from domain.managed_link import ManagedLink, ManagedLinkProperties
from domain.meeting_type import MeetingType
from domain.permissions import require_link_editable, require_link_switchable, require_role
from domain.person import Person
from domain.refusals import Invalid, SlugTaken

SLUG_LENGTH = 40
HOST_PART_LENGTH = 15


class LinkCommands(CommandGroup):
    """The commands on links. A change reaches every unused single-use link at once."""

    def create_link(
        self, context: Context, values: Mapping[str, Any], key: str | None = None, body: Mapping[str, Any] | None = None
    ) -> CommandResult:
        """Creates a standard link of the caller. `values` are its properties; the slug may be None.

        Raises Forbidden, SlugTaken, Invalid, IdempotencyKeyReused, TryAgain.
        """
        require_role(context, "member")
        creation = IdempotentCreation(context, key, body or {})

        def decide(fresh: bool) -> int | None:
            slug = self.choose_slug(values.get("slug"), values["name"])
            properties = LinkProperties(kind="standard", owner_id=context.actor.id, **{**values, "slug": slug})
            reads = self.load_dependencies(properties, fresh)
            link = Link.create(creation.id, properties, context, **creation.build_event_fields())
            conditions = AppendConditions(reads=reads, claims=(build_slug_claim(link),))
            try:
                return self.append_events(link, conditions=conditions)
            except SlugTaken:
                if values.get("slug") is None:  # it was free when we looked: look for another one
                    raise StaleRead from None
                raise

        return self.create_aggregate(creation, decide)

    def update_link(
        self, context: Context, id: UUID, changes: Mapping[str, Any], version: int | None = None
    ) -> int | None:
        """Changes a link. Raises NotFound, Forbidden, LinkDeleted, SlugTaken, Invalid, VersionConflict, TryAgain."""

        def change(link: Link) -> AppendConditions:
            require_link_editable(context, link)
            properties = link.properties.apply_changes(changes)
            reads = self.load_dependencies(properties, fresh=True, before=link.properties)
            is_renamed = properties.slug != link.properties.slug
            if is_renamed:
                self.choose_slug(properties.slug, properties.name, id)
            link.update(properties, context)
            return AppendConditions(reads=reads, claims=(build_slug_claim(link),) if is_renamed else ())

        return self.change_aggregate(Link, id, context, change, version)

    def switch_link(self, context: Context, id: UUID, on: bool) -> int | None:
        """Enables or disables a link. Raises NotFound, Forbidden, LinkDeleted, TryAgain."""

        def change(link: Link) -> None:
            require_link_switchable(context, link)
            if on:
                link.enable(context)
            else:
                link.disable(context)

        return self.change_aggregate(Link, id, context, change)

    def delete_link(self, context: Context, id: UUID, version: int | None = None) -> int | None:
        """Deletes a link. Raises NotFound, Forbidden, VersionConflict, TryAgain."""

        def change(link: Link) -> None:
            require_link_editable(context, link)
            link.delete(context)

        return self.change_aggregate(Link, id, context, change, version)

    def create_managed_link(
        self, context: Context, requested_properties: ManagedLinkProperties, key: str | None, body: Mapping[str, Any]
    ) -> CommandResult:
        """Creates a managed link, with a core link for each host in the same append.

        Raises Forbidden, SlugTaken, Invalid, IdempotencyKeyReused, TryAgain.
        """
        require_role(context, "manager")
        creation = IdempotentCreation(context, key, body)

        def decide(fresh: bool) -> int | None:
            people = self.load_people("host_ids", requested_properties.host_ids, fresh)
            meeting_type = self.load_meeting_type(requested_properties.meeting_type_id, fresh)
            self.choose_slug(requested_properties.slug, requested_properties.name)
            links = self.create_host_links(people, requested_properties, creation.id, context)
            properties = requested_properties.apply_changes(
                {
                    "created_by_id": context.actor.id,
                    "links": {link.properties.owner_id: link.id for link in links},
                }
            )
            managed_link = ManagedLink.create(creation.id, properties, context, **creation.build_event_fields())
            claims = (Claim("slug", requested_properties.slug, managed_link.id), *map(build_slug_claim, links))
            conditions = AppendConditions(reads=(meeting_type, *people), claims=claims)
            return self.append_events(*links, managed_link, conditions=conditions)

        return self.create_aggregate(creation, decide)

    def update_managed_link(
        self, context: Context, id: UUID, changes: Mapping[str, Any], version: int | None = None
    ) -> int | None:
        """Changes a managed link and every host's link in the same append. The link of a removed host is deleted.

        Raises Forbidden, NotFound, SlugTaken, Invalid, VersionConflict, TryAgain.
        """
        require_role(context, "manager")

        def decide(managed_link: ManagedLink, _: bool) -> int | None:
            before = managed_link.properties
            after = before.apply_changes(changes)
            people = {
                person.id: person for person in self.load_people("host_ids", after.host_ids, True, before.host_ids)
            }
            meeting_type = self.load_meeting_type(after.meeting_type_id, True)
            if after.slug != before.slug:
                self.choose_slug(after.slug, after.name, id)
            updated_links = self.update_host_links(before, after, people, context)
            added_hosts = [people[host] for host in after.host_ids if host not in before.links]
            created_links = self.create_host_links(
                added_hosts, after, id, context, [link.properties.slug for link in updated_links]
            )
            link_ids_by_host = {
                link.properties.owner_id: link.id for link in (*updated_links, *created_links) if not link.deleted
            }
            managed_link.update(
                after.apply_changes({"links": {host: link_ids_by_host[host] for host in after.host_ids}}), context
            )
            renamed_links = updated_links if get_slug_prefix(after) != get_slug_prefix(before) else []
            claims = [build_slug_claim(link) for link in (*renamed_links, *created_links) if not link.deleted]
            if after.slug != before.slug:
                claims.append(Claim("slug", after.slug, id))
            conditions = AppendConditions(reads=(meeting_type, *people.values()), claims=claims)
            return self.append_events(*updated_links, *created_links, managed_link, conditions=conditions)

        return self.decide_on_aggregate(ManagedLink, id, context, decide, version)

    def update_host_links(
        self,
        before: ManagedLinkProperties,
        after: ManagedLinkProperties,
        people: Mapping[UUID, Person],
        context: Context,
    ) -> list[Link]:
        """Returns the links of a managed link with the change applied; those of removed hosts are deleted."""
        links = [
            aggregate.copy_with_events(())
            for aggregate in self.load_aggregates(before.links.values()).values()
            if isinstance(aggregate, Link)
        ]
        slugs: list[str] = []
        for link in links:
            owner_id = link.properties.owner_id
            if owner_id not in after.host_ids:
                link.delete(context)
            elif not link.deleted:
                is_renamed = get_slug_prefix(after) != get_slug_prefix(before)
                slug = self.choose_host_slug(people[owner_id], after, slugs) if is_renamed else link.properties.slug
                slugs.append(slug)
                link.update(link.properties.apply_changes({**derive_link_properties(after), "slug": slug}), context)
        return links

    def choose_host_slug(self, host: Person, properties: ManagedLinkProperties, taken_slugs: Collection[str]) -> str:
        """Returns a free slug for a host's link of a managed link."""
        return self.find_free_slug(build_host_slug(host, properties), taken_slugs)

    def create_host_links(
        self,
        people: Iterable[Person],
        managed_properties: ManagedLinkProperties,
        managed_id: UUID,
        context: Context,
        taken_slugs: Collection[str] = (),
    ) -> list[Link]:
        """Creates a core link for each of these hosts, with free slugs."""
        links: list[Link] = []
        for person in people:
            slug = self.choose_host_slug(
                person, managed_properties, [*taken_slugs, *(link.properties.slug for link in links)]
            )
            properties = LinkProperties(
                kind="managed",
                slug=slug,
                owner_id=person.id,
                managed_link_id=managed_id,
                **derive_link_properties(managed_properties),
            )
            links.append(Link.create(uuid4(), properties, context))
        return links

    def choose_slug(self, slug: str | None, name: str, own_id: UUID | None = None) -> str:
        """Returns the slug asked for, or a free one made from the name. Raises SlugTaken."""
        if slug is None:
            return self.find_free_slug(slugify(name, max_length=SLUG_LENGTH - 3, word_boundary=True) or "link")
        if self.reader.find_claims("slug", [slug]).get(slug, own_id) != own_id:
            raise SlugTaken
        return slug

    def find_free_slug(self, stem: str, taken_slugs: Collection[str] = ()) -> str:
        """Returns the first free slug of stem, stem-2, stem-3 … Raises SlugTaken."""
        for offset in range(0, 100_000, 100):
            slugs = [number_slug(stem, number) for number in range(offset + 1, offset + 101)]
            claims = self.reader.find_claims("slug", slugs)
            for slug in slugs:
                if slug not in claims and slug not in taken_slugs:
                    return slug
        raise SlugTaken

    def load_dependencies(
        self, properties: LinkProperties, fresh: bool, before: LinkProperties | None = None
    ) -> tuple[Aggregate, ...]:
        """Loads and checks the meeting type and co-hosts of a link. Raises Invalid."""
        if properties.owner_id in properties.co_host_ids:
            raise Invalid("co_host_ids", "The link's owner is its host already.")
        kept_ids = before.co_host_ids if before else ()
        people = self.load_people("co_host_ids", properties.co_host_ids, fresh, kept_ids)
        return (self.load_meeting_type(properties.meeting_type_id, fresh), *people)

    def load_meeting_type(self, id: UUID, fresh: bool) -> MeetingType:
        """Loads the meeting type of a link. Raises Invalid."""
        aggregate = self.load_aggregates([id], fresh).get(id)
        if not isinstance(aggregate, MeetingType):
            raise Invalid("meeting_type_id", "There is no such meeting type.")
        return aggregate

    def load_people(
        self, field: str, ids: Collection[UUID], fresh: bool, kept_ids: Collection[UUID] = ()
    ) -> list[Person]:
        """Loads the hosts of a link. Those not in `kept_ids` must be active. Raises Invalid."""
        if len(set(ids)) < len(ids):
            raise Invalid(field, "Each person once.")
        aggregates = self.load_aggregates(ids, fresh)
        people = [person for id in ids if isinstance(person := aggregates.get(id), Person)]
        if len(people) < len(ids) or not all(person.active or person.id in kept_ids for person in people):
            raise Invalid(field, "Every one must be an active person.")
        return people


def derive_link_properties(managed_properties: ManagedLinkProperties) -> dict[str, Any]:
    """Returns the properties that each host's link inherits from its managed link."""
    return {
        "name": managed_properties.name,
        "meeting_type_id": managed_properties.meeting_type_id,
        "expires_at": managed_properties.expires_at,
    }


def get_slug_prefix(properties: ManagedLinkProperties) -> str:
    """Returns the prefix that the slugs of all hosts' links share."""
    return properties.slug[: SLUG_LENGTH - 1 - HOST_PART_LENGTH]


def build_host_slug(host: Person, properties: ManagedLinkProperties) -> str:
    """Returns the slug of a host's link: the shared prefix, then as many whole words of the name as fit."""
    prefix = f"{get_slug_prefix(properties)}-"
    max_length = SLUG_LENGTH - len("-99") - len(prefix)
    return prefix + (slugify(host.properties.name, max_length=max_length, word_boundary=True) or "host")


def number_slug(stem: str, number: int) -> str:
    """Returns the stem for number 1, else the stem with the number, within the length of a slug."""
    return stem if number == 1 else f"{stem[: SLUG_LENGTH - 1 - len(str(number))]}-{number}"


def build_slug_claim(link: Link) -> Claim:
    """Returns the claim that makes the append fail if another link has the slug."""
    return Claim("slug", link.properties.slug, link.id)
