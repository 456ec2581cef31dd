"""SQL that looks up the names of things in other streams, and the shape of the result.

Each is a scalar subquery, so that the id reaches the index of the log when the tables stand for folds of it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from typing_extensions import TypedDict


class Named(TypedDict):
    """Another thing, by its id and current name."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class NameSource:
    """A read model whose rows have a name, and its key."""

    relation: str
    key: str

    def look_up(self, id: str) -> str:
        """SQL: the id and name of a thing; null for null."""
        name = f"SELECT n.name FROM {self.relation} AS n WHERE n.{self.key} = {id}"
        return f"CASE WHEN {id} IS NOT NULL THEN jsonb_build_object('id', {id}, 'name', ({name})) END"

    def look_up_each(self, ids: str) -> str:
        """SQL: the ids and names of an array of ids, in its order."""
        ordered_names = f"coalesce(jsonb_agg({self.look_up('h.id')} ORDER BY h.n), '[]')"
        return f"(SELECT {ordered_names} FROM unnest({ids}) WITH ORDINALITY AS h(id, n))"


PERSON = NameSource("people", "person_id")
LINK = NameSource("links", "link_id")
MEETING_TYPE = NameSource("meeting_types", "meeting_type_id")
TEAM = NameSource("teams", "team_id")


def look_up_details(column: str) -> str:
    """SQL: personal details by their id; null once erased."""
    return f"(SELECT d.data FROM {{schema}}.personal_details AS d WHERE d.id = {column})"


def to_named(value: dict[str, Any]) -> Named:
    """A reference from its JSON."""
    return {"id": UUID(value["id"]), "name": value["name"]}


def to_named_or_none(value: dict[str, Any] | None) -> Named | None:
    """A reference from its JSON; None for null."""
    return None if value is None else to_named(value)


def to_team_id(value: dict[str, Any] | None) -> UUID | None:
    """The id of a reference from its JSON; None for null."""
    return None if value is None else UUID(value["id"])


def to_instant(value: str | None) -> datetime | None:
    """An instant in UTC from its JSON; None for null."""
    return None if value is None else datetime.fromisoformat(value).astimezone(UTC)
