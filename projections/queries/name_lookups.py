"""Names of what belongs to another stream: the SQL that looks them up when a question is asked, and their shape.

Each is a scalar subquery, so that the id reaches the index of the log when the names stand for folds of it.
"""

from datetime import UTC, datetime
from typing import Any, TypedDict
from uuid import UUID


class Named(TypedDict):
    """A thing by its id and its current name."""

    id: UUID
    name: str | None


def person(column: str) -> str:
    """SQL: a person, null for null."""
    return _named(column, f"SELECT p.name FROM people AS p WHERE p.person_id = {column}")


def link(column: str) -> str:
    """SQL: a link."""
    return _named(column, f"SELECT n.name FROM links AS n WHERE n.link_id = {column}")


def meeting_type(column: str) -> str:
    """SQL: a meeting type."""
    return _named(column, f"SELECT t.name FROM meeting_types AS t WHERE t.meeting_type_id = {column}")


def people_of(column: str) -> str:
    """SQL: the people of an array of ids, in its order."""
    in_order = f"coalesce(jsonb_agg({person('h.id')} ORDER BY h.n), '[]')"
    return f"(SELECT {in_order} FROM unnest({column}) WITH ORDINALITY AS h(id, n))"


def details(column: str) -> str:
    """SQL: personal details by their id; null once erased."""
    return f"(SELECT d.data FROM {{schema}}.personal_details AS d WHERE d.id = {column})"


def _named(column: str, name: str) -> str:
    return f"CASE WHEN {column} IS NOT NULL THEN jsonb_build_object('id', {column}, 'name', ({name})) END"


def as_named(value: dict[str, Any]) -> Named:
    """A named thing from its JSON."""
    return {"id": UUID(value["id"]), "name": value["name"]}


def as_named_or_none(value: dict[str, Any] | None) -> Named | None:
    """A named thing from its JSON, or none."""
    return None if value is None else as_named(value)


def as_instant(value: str | None) -> datetime | None:
    """An instant from JSON, in UTC."""
    return None if value is None else datetime.fromisoformat(value).astimezone(UTC)
