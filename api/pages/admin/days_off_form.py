"""Limits, public holidays and absences as fields of a form, where the form has them."""

from collections.abc import Mapping
from typing import Any

from api.http.form_body import SubmittedForm
from integrations.public_holidays import list_countries

SPARE_ABSENCES = 1


def parse_number(text: str) -> Any:
    """Return a whole number; None for an empty text; any other text as it is, for the validation to refuse."""
    text = text.strip()
    return int(text) if text.isdecimal() and len(text) < 10 else text or None


def parse_days_off(form: SubmittedForm, saved_values: Mapping[str, Any]) -> dict[str, Any]:
    """Return `limits`, `holidays` and `absences` as the JSON API takes them; nothing where the form has no such part.

    A colleague's link of an absence that is still there stays. So do the days on which one works, for the same place.
    """
    if not form.get_value("days_off"):
        return {}
    country, region = (form.get_value(name).strip().upper() for name in ("country", "region"))
    saved = saved_values.get("holidays") or {}
    is_same_place = (saved.get("country"), saved.get("region") or "") == (country, region)
    holidays: dict[str, Any] = {"country": country, "region": region or None}
    holidays["except"] = list(saved["except_days"]) if is_same_place else []
    links = {absence["first_day"]: absence["instead_link_id"] for absence in saved_values.get("absences", ())}
    rows = zip(*(form.list_values(name) for name in ("away_from", "away_to", "away_message")), strict=False)
    return {
        "limits": {name: parse_number(form.get_value(name)) for name in ("per_day", "per_week")},
        "holidays": holidays if country else None,
        "absences": [
            {
                "from": first,
                "to": last or first,
                "message": message.strip() or None,
                "instead_link_id": links.get(first),
            }
            for first, last, message in rows
            if first or last or message
        ],
    }


def build_days_off(values: Mapping[str, Any]) -> dict[str, Any]:
    """Build what the form shows, of properties or of values that were typed."""
    absences = [
        (absence.get("from", absence.get("first_day")), absence.get("to", absence.get("last_day")), absence["message"])
        for absence in values.get("absences") or ()
    ]
    return {
        "limits": {"per_day": None, "per_week": None, **(values.get("limits") or {})},
        "holidays": {"country": "", "region": "", **(values.get("holidays") or {})},
        "absences": [*absences, *[("", "", "")] * SPARE_ABSENCES],
        "countries": list(list_countries()),
    }
