"""Commands on links: one method per command, each one transaction."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from domain.commands.idempotent_creation import IdempotentCreation
from domain.commands.link_dependencies import build_slug_claim
from domain.commands.managed_links import ManagedLinkCommands
from domain.event import Context
from domain.link import Link, LinkProperties
from domain.log import AppendConditions, CommandResult, StaleRead
from domain.permissions import require_link_editable, require_link_switchable, require_role
from domain.refusals import SlugTaken


class LinkCommands(ManagedLinkCommands):
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
