"""SQL that looks up the names of things in other streams, and the shape of the result.

Each is a scalar subquery, so that the id reaches the index of the log when the tables stand for folds of it.
"""

from datetime import UTC, datetime
from typing import Any, TypedDict
from uuid import UUID


class NamedReference(TypedDict):
    """A thing that a row refers to: its id and its current name."""

    id: UUID
    name: str | None


def look_up_person(column: str) -> str:
    """SQL: the id and name of a person; null for null."""
    return _build_reference(column, f"SELECT p.name FROM people AS p WHERE p.person_id = {column}")


def look_up_link(column: str) -> str:
    """SQL: the id and name of a link; null for null."""
    return _build_reference(column, f"SELECT n.name FROM links AS n WHERE n.link_id = {column}")


def look_up_meeting_type(column: str) -> str:
    """SQL: the id and name of a meeting type; null for null."""
    return _build_reference(column, f"SELECT t.name FROM meeting_types AS t WHERE t.meeting_type_id = {column}")


def look_up_people(column: str) -> str:
    """SQL: the ids and names of the people of an array of ids, in its order."""
    ordered_people = f"coalesce(jsonb_agg({look_up_person('h.id')} ORDER BY h.n), '[]')"
    return f"(SELECT {ordered_people} FROM unnest({column}) WITH ORDINALITY AS h(id, n))"


def look_up_details(column: str) -> str:
    """SQL: personal details by their id; null once erased."""
    return f"(SELECT d.data FROM {{schema}}.personal_details AS d WHERE d.id = {column})"


def _build_reference(column: str, name_query: str) -> str:
    return f"CASE WHEN {column} IS NOT NULL THEN jsonb_build_object('id', {column}, 'name', ({name_query})) END"


def to_named(value: dict[str, Any]) -> NamedReference:
    """A reference from its JSON."""
    return {"id": UUID(value["id"]), "name": value["name"]}


def to_named_or_none(value: dict[str, Any] | None) -> NamedReference | None:
    """A reference from its JSON; None for null."""
    return None if value is None else to_named(value)


def to_instant(value: str | None) -> datetime | None:
    """An instant in UTC from its JSON; None for null."""
    return None if value is None else datetime.fromisoformat(value).astimezone(UTC)
