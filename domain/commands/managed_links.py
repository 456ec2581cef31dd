"""Commands on managed links: each writes the managed link and every host's link in one append."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any
from uuid import UUID, uuid4

from slugify import slugify

from domain.commands.idempotent_creation import IdempotentCreation
from domain.commands.link_dependencies import SLUG_LENGTH, LinkDependencyChecks, build_slug_claim
from domain.event import Context
from domain.link import Link, LinkProperties
from domain.log import AppendConditions, Claim, CommandResult
from domain.managed_link import ManagedLink, ManagedLinkProperties
from domain.permissions import require_role
from domain.person import Person

HOST_PART_LENGTH = 15


class ManagedLinkCommands(LinkDependencyChecks):
    """The commands on managed links. A host's link of one follows it, and its single-use links follow that."""

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
            teams = self.load_teams(requested_properties.team_id, fresh)
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
            conditions = AppendConditions(reads=(meeting_type, *people, *teams), claims=claims)
            return self.append_events(*links, managed_link, conditions=conditions)

        return self.create_aggregate(creation, decide)

    def update_managed_link(
        self, context: Context, id: UUID, changes: Mapping[str, Any], version: int | None = None
    ) -> int | None:
        """Changes a managed link and every host's link in the same append. The link of a removed host is deleted.

        Raises Forbidden, NotFound, LinkDeleted, SlugTaken, Invalid, VersionConflict, TryAgain.
        """
        require_role(context, "manager")

        def decide(managed_link: ManagedLink, _: bool) -> int | None:
            managed_link.refuse_if_deleted()
            before = managed_link.properties
            after = before.apply_changes(changes)
            people = {
                person.id: person for person in self.load_people("host_ids", after.host_ids, True, before.host_ids)
            }
            meeting_type = self.load_meeting_type(after.meeting_type_id, True)
            teams = self.load_teams(after.team_id, True, before.team_id)
            if after.slug != before.slug:
                self.choose_slug(after.slug, after.name, id)
            updated_links = self.update_host_links(before, after, people, context)
            added_hosts = [people[host] for host in after.host_ids if host not in before.links]
            created_links = self.create_host_links(
                added_hosts, after, id, context, [link.properties.slug for link in updated_links]
            )
            if managed_link.disabled:
                for link in created_links:
                    link.disable(context)
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
            conditions = AppendConditions(reads=(meeting_type, *people.values(), *teams), claims=claims)
            return self.append_events(*updated_links, *created_links, managed_link, conditions=conditions)

        return self.decide_on_aggregate(ManagedLink, id, context, decide, version)

    def switch_managed_link(self, context: Context, id: UUID, on: bool) -> int | None:
        """Enables or disables a managed link and every host's link in the same append.

        A host's link that was disabled alone stays so. Raises Forbidden, NotFound, LinkDeleted, TryAgain.
        """

        def switch(link: ManagedLink | Link, managed_link: ManagedLink) -> None:
            if not on:
                link.disable(context)
            elif isinstance(link, ManagedLink) or not link.is_disabled_alone(managed_link.disabled_in):
                link.enable(context)

        return self.change_with_host_links(context, id, switch)

    def delete_managed_link(self, context: Context, id: UUID, version: int | None = None) -> int | None:
        """Deletes a managed link and every host's link in the same append; booked meetings stay.

        Raises Forbidden, NotFound, VersionConflict, TryAgain.
        """
        return self.change_with_host_links(context, id, lambda link, _: link.delete(context), version)

    def change_with_host_links(
        self,
        context: Context,
        id: UUID,
        change: Callable[[ManagedLink | Link, ManagedLink], None],
        version: int | None = None,
    ) -> int | None:
        """Applies the same change to a managed link and to those links of its hosts that are not deleted.

        `change` also gets the managed link as it is before the change.
        """
        require_role(context, "manager")

        def decide(managed_link: ManagedLink, _: bool) -> int | None:
            before = managed_link.copy_with_events(())
            links = [link for link in self.copy_host_links(managed_link.properties) if not link.deleted]
            change(managed_link, before)
            for link in links:
                change(link, before)
            return self.append_events(*links, managed_link)

        return self.decide_on_aggregate(ManagedLink, id, context, decide, version)

    def copy_host_links(self, properties: ManagedLinkProperties) -> list[Link]:
        """Returns copies of the links of a managed link's hosts."""
        return [
            aggregate.copy_with_events(())
            for aggregate in self.load_aggregates(properties.links.values()).values()
            if isinstance(aggregate, Link)
        ]

    def update_host_links(
        self,
        before: ManagedLinkProperties,
        after: ManagedLinkProperties,
        people: Mapping[UUID, Person],
        context: Context,
    ) -> list[Link]:
        """Returns the links of a managed link with the change applied; those of removed hosts are deleted."""
        links = self.copy_host_links(before)
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


def derive_link_properties(managed_properties: ManagedLinkProperties) -> dict[str, Any]:
    """Returns the properties that each host's link inherits from its managed link."""
    return {
        "name": managed_properties.name,
        "meeting_type_id": managed_properties.meeting_type_id,
        "expires_at": managed_properties.expires_at,
        "team_id": managed_properties.team_id,
        "single_use_only": managed_properties.single_use_only,
        "default_lifetime_days": managed_properties.default_lifetime_days,
    }


def get_slug_prefix(properties: ManagedLinkProperties) -> str:
    """Returns the prefix that the slugs of all hosts' links share."""
    return properties.slug[: SLUG_LENGTH - 1 - HOST_PART_LENGTH]


def build_host_slug(host: Person, properties: ManagedLinkProperties) -> str:
    """Returns the slug of a host's link: the shared prefix, then as many whole words of the name as fit."""
    prefix = f"{get_slug_prefix(properties)}-"
    max_length = SLUG_LENGTH - len("-99") - len(prefix)
    return prefix + (slugify(host.properties.name, max_length=max_length, word_boundary=True) or "host")
