"""The form of a person: who they are, what they may do, and when their time may be booked."""

from datetime import date
from typing import Any

from starlette.datastructures import FormData

from api.field_types import time_zones
from api.pages.admin.hours_form import dates_of, hours_from, past_kept, texts, week_of
from domain.person import PersonProperties

ROLES = {
    "member": "own links and meetings",
    "manager": "everybody’s links, managed links, the whole meeting log",
    "admin": "people, meeting types and read models as well",
    "auditor": "reads the history and everything it is about",
    "analyst": "reads the meeting log and usage",
}
NEW: dict[str, Any] = {
    "name": "",
    "email": "",
    "roles": ["member"],
    "busy_feed_url": "",
    **PersonProperties(name="", email="", time_zone="UTC", roles=()).model_dump(
        include={"weekly_hours", "date_overrides"}
    ),
}


def typed(form: FormData, kept: dict[str, Any], today: date) -> dict[str, Any]:
    """Everything that the form says, as the JSON API takes it; dates gone by stay as they are `kept`."""
    hours = hours_from(form)
    dates = past_kept(kept.get("date_overrides", {}), hours["date_overrides"], today)
    return {
        "name": text(form, "name"),
        "email": text(form, "email"),
        "time_zone": text(form, "time_zone"),
        "roles": texts(form, "roles"),
        "busy_feed_url": text(form, "busy_feed_url") or None,
        "weekly_hours": hours["weekly_hours"],
        "date_overrides": dates,
    }


def text(form: FormData, name: str) -> str:
    """A field of one line."""
    return next(iter(texts(form, name)), "").strip()


def shown(values: dict[str, Any], today: date) -> dict[str, Any]:
    """What the template of the form is given."""
    return {
        "values": values,
        "week": week_of(values["weekly_hours"]),
        "dates": dates_of(values["date_overrides"], today),
        "zones": sorted(time_zones()),
        "all_roles": ROLES,
    }
