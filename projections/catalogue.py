"""All read models, and the two sources that they can be queried from."""

from projections.links import LINKS
from projections.managed_links import MANAGED_LINKS
from projections.meeting_log import MEETING_LOG
from projections.meeting_types import MEETING_TYPES
from projections.outbox import OUTBOX
from projections.people import PEOPLE
from projections.queries.query import QuerySource
from projections.single_use_links import SINGLE_USE_LINKS
from projections.teams import TEAMS
from store.database import Database

READ_MODELS = (PEOPLE, MEETING_TYPES, TEAMS, MANAGED_LINKS, LINKS, SINGLE_USE_LINKS, MEETING_LOG, OUTBOX)


def from_live_tables(db: Database) -> QuerySource:
    """The live tables: milliseconds behind the log."""
    return QuerySource(db, READ_MODELS)


def from_log(db: Database, until: int | None = None) -> QuerySource:
    """The log: as it is now, or as it was at a position."""
    return QuerySource(db, READ_MODELS, reads_log=True, until=until)
