"""Limits, holidays and absences of people and meeting types, as the API answers them, and the SQL that folds them."""

from typing_extensions import TypedDict


class LimitsRow(TypedDict):
    """At most so many meetings in a day and in a week; null: no limit."""

    per_day: int | None
    per_week: int | None


HolidaysRow = TypedDict("HolidaysRow", {"country": str, "region": str | None, "except": list[str]})
"""The public holidays of a country and region that a person keeps, except some days."""

AbsenceRow = TypedDict("AbsenceRow", {"from": str, "to": str, "message": str | None, "instead_link_id": str | None})
"""A time away, from the first to the last day, both included."""

LIMITS = """jsonb_build_object(
    'per_day', payload -> 'limits' -> 'per_day', 'per_week', payload -> 'limits' -> 'per_week'
)"""
HOLIDAYS = """CASE WHEN jsonb_typeof(payload -> 'holidays') = 'object' THEN jsonb_build_object(
    'country', payload -> 'holidays' -> 'country', 'region', payload -> 'holidays' -> 'region',
    'except', payload -> 'holidays' -> 'except_days'
) END"""
ABSENCES = """coalesce((
    SELECT jsonb_agg(jsonb_build_object(
        'from', away -> 'first_day', 'to', away -> 'last_day',
        'message', away -> 'message', 'instead_link_id', away -> 'instead_link_id'
    ) ORDER BY number)
    FROM jsonb_array_elements(payload -> 'absences') WITH ORDINALITY AS absence (away, number)
), jsonb_build_array())"""
