"""Limits, public holidays and absences as fields of a form, where the form has them."""

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import zip_longest
from typing import Any

from api.http.form_body import SubmittedForm
from domain.availability.days_off import Holidays
from integrations.public_holidays import name_countries
from projections.links import LinkRow

SPARE_ABSENCES = 1
ABSENCE_FIELDS = ("away_from", "away_to", "away_message", "away_link")


def parse_number(text: str) -> Any:
    """Return a whole number; None for an empty text; any other text as it is, for the validation to refuse."""
    text = text.strip()
    return int(text) if text.isdecimal() and len(text) < 10 else text or None


def parse_days_off(form: SubmittedForm, saved_values: Mapping[str, Any]) -> dict[str, Any]:
    """Return `limits`, `holidays` and `absences` as the JSON API takes them; nothing where the form has no such part.

    Of another place, no holiday is ticked off; days that the form did not show stay as they were.
    """
    if not form.get_value("days_off"):
        return {}
    country, region = (form.get_value(name).strip().upper() for name in ("country", "region"))
    saved = saved_values.get("holidays") or {}
    is_same_place = (saved.get("country"), saved.get("region") or "") == (country, region)
    holidays: dict[str, Any] = {"country": country, "region": region or None}
    if is_same_place:
        days_in_form = set(form.list_values("holiday_in_form"))
        ticked_off = days_in_form.difference(form.list_values("holiday_kept"))
        holidays["except"] = sorted({*set(saved["except_days"]).difference(days_in_form), *ticked_off})
    rows = zip_longest(*(form.list_values(name) for name in ABSENCE_FIELDS), fillvalue="")
    return {
        "limits": {name: parse_number(form.get_value(name)) for name in ("per_day", "per_week")},
        "holidays": holidays if country else None,
        "absences": [
            {
                "from": first,
                "to": last or first,
                "message": message.strip() or None,
                "instead_link_id": link_id.strip() or None,
            }
            for first, last, message, link_id in rows
            if first or last or message or link_id
        ],
    }


def build_days_off(
    values: Mapping[str, Any], saved_holidays: Holidays | None, today: date, colleagues: Sequence[LinkRow]
) -> dict[str, Any]:
    """Build what the form shows, of properties or of values that were typed.

    `saved_holidays` have the days to tick off, `colleagues` the links that guests can be led to.
    """
    absences = [
        (
            absence.get("from", absence.get("first_day")),
            absence.get("to", absence.get("last_day")),
            absence["message"],
            str(absence["instead_link_id"] or ""),
        )
        for absence in values.get("absences") or ()
    ]
    typed_holidays = values.get("holidays") or {}
    except_days = typed_holidays.get("except", typed_holidays.get("except_days", ()))
    last_day = today.replace(year=today.year + 1, month=12, day=31).isoformat()
    days = saved_holidays.days if saved_holidays else ()
    return {
        "limits": {"per_day": None, "per_week": None, **(values.get("limits") or {})},
        "holidays": {"country": "", "region": "", **typed_holidays},
        "holiday_days": [
            (date.fromisoformat(day), name, day not in except_days)
            for day, name in days
            if today.isoformat() <= day <= last_day
        ],
        "absences": [*absences, *[("", "", "", "")] * SPARE_ABSENCES],
        "countries": name_countries(),
        "colleagues": [(str(link["id"]), f"{link['name']} ({link['owner']['name']})") for link in colleagues],
    }
