"""What commands on links share: free slugs, and the checks of meeting types, hosts and teams."""

from collections.abc import Collection
from uuid import UUID

from slugify import slugify

from domain.aggregate import Aggregate
from domain.commands.command_group import CommandGroup
from domain.link import Link, LinkProperties
from domain.log import Claim
from domain.meeting_type import MeetingType
from domain.person import Person
from domain.refusals import Invalid, SlugTaken
from domain.team import Team

SLUG_LENGTH = 40


class LinkDependencyChecks(CommandGroup):
    """Slugs and dependencies of links."""

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
        """Loads and checks the meeting type, co-hosts and team of a link. Raises Invalid."""
        if properties.owner_id in properties.co_host_ids:
            raise Invalid("co_host_ids", "The link's owner is its host already.")
        kept_ids = before.co_host_ids if before else ()
        people = self.load_people("co_host_ids", properties.co_host_ids, fresh, kept_ids)
        teams = self.load_teams(properties.team_id, fresh, before.team_id if before else None)
        return (self.load_meeting_type(properties.meeting_type_id, fresh), *people, *teams)

    def load_meeting_type(self, id: UUID, fresh: bool) -> MeetingType:
        """Loads the meeting type of a link. Raises Invalid."""
        aggregate = self.load_aggregates([id], fresh).get(id)
        if not isinstance(aggregate, MeetingType):
            raise Invalid("meeting_type_id", "There is no such meeting type.")
        return aggregate

    def load_teams(self, id: UUID | None, fresh: bool, kept_id: UUID | None = None) -> list[Team]:
        """Loads the team of a link: none, or one. Only `kept_id` may be a deleted one. Raises Invalid."""
        team = None if id is None else self.load_aggregates([id], fresh).get(id)
        if isinstance(team, Team) and (not team.deleted or id == kept_id):
            return [team]
        if id is not None:
            raise Invalid("team_id", "There is no such team.")
        return []

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


def number_slug(stem: str, number: int) -> str:
    """Returns the stem for number 1, else the stem with the number, within the length of a slug."""
    return stem if number == 1 else f"{stem[: SLUG_LENGTH - 1 - len(str(number))]}-{number}"


def build_slug_claim(link: Link) -> Claim:
    """Returns the claim that makes the append fail if another link has the slug."""
    return Claim("slug", link.properties.slug, link.id)
