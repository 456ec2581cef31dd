"""Commands on the organisation."""

from collections.abc import Mapping
from typing import Any

from domain.commands.command_application import CommandApplication
from domain.commands.command_group import CommandGroup
from domain.event import Context
from domain.organisation import ORGANISATION_ID, Organisation, OrganisationProperties
from domain.permissions import require_role


class OrganisationCommands(CommandGroup):
    """The commands on the organisation. `defaults` are its properties before it was ever changed."""

    def __init__(self, application: CommandApplication, defaults: OrganisationProperties) -> None:
        super().__init__(application)
        self.defaults = defaults

    def load_organisation(self, fresh: bool = True) -> Organisation:
        """Returns the organisation, brought up to date in one query if `fresh`."""
        organisation = self.load_aggregates([ORGANISATION_ID], fresh).get(ORGANISATION_ID)
        return organisation if isinstance(organisation, Organisation) else Organisation(properties=self.defaults)

    def update_organisation(
        self, context: Context, changes: Mapping[str, Any], version: int | None = None
    ) -> int | None:
        """Changes the organisation. Raises Forbidden, VersionConflict, TryAgain."""
        require_role(context, "admin")

        def decide(fresh: bool) -> int | None:
            organisation = self.load_organisation().copy_with_events(())
            if fresh and (position := self.reader.find_request_position(organisation.id, context.request_id)):
                return position
            organisation.expect_version(version)
            organisation.update(organisation.properties.apply_changes(changes), context)
            return self.append_events(organisation)

        return self.run_decision(decide)
