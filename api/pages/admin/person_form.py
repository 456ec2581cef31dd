"""The form of a person: name, roles, and hours."""

from datetime import date
from typing import Any

from api.field_types import list_time_zones
from api.http.form_body import SubmittedForm
from api.pages.admin.days_off_form import build_days_off, parse_days_off
from api.pages.admin.hours_form import build_date_rows, build_week, merge_past_dates, parse_hours
from api.services import Services
from domain.person import PersonProperties
from projections import links
from projections.links import LinkFilters

MAX_COLLEAGUES = 200

ROLE_DESCRIPTIONS = {
    "member": "own links and meetings",
    "manager": "everybody’s links, managed links, the whole meeting log",
    "admin": "people, meeting types and read models as well",
    "auditor": "reads the history and everything it is about",
    "analyst": "reads the meeting log and usage",
}
EMPTY_VALUES: dict[str, Any] = {
    "name": "",
    "email": "",
    "roles": ["member"],
    "busy_feed_url": "",
    **PersonProperties(name="", email="", time_zone="UTC", roles=()).model_dump(
        include={"weekly_hours", "date_overrides"}
    ),
}


def parse_person_form(form: SubmittedForm, saved_values: dict[str, Any], today: date) -> dict[str, Any]:
    """Return the form's values as the JSON API takes them; dates before today are taken from `saved_values`."""
    hours = parse_hours(form)
    dates = merge_past_dates(saved_values.get("date_overrides", {}), hours["date_overrides"], today)
    return {
        "name": form.get_value("name").strip(),
        "email": form.get_value("email").strip(),
        "time_zone": form.get_value("time_zone").strip(),
        "roles": form.list_values("roles"),
        "busy_feed_url": form.get_value("busy_feed_url").strip() or None,
        "weekly_hours": hours["weekly_hours"],
        "date_overrides": dates,
        **parse_days_off(form, saved_values),
    }


def build_form_context(
    services: Services, values: dict[str, Any], today: date, saved: PersonProperties | None
) -> dict[str, Any]:
    """Build the template context of the form; `saved` is the person as they are, if they are there already."""
    colleagues = links.list_links(
        services.live_source, services.clock(), LinkFilters(view="library"), "name", MAX_COLLEAGUES
    )
    saved_dates = saved.date_overrides if saved else {}
    return {
        "values": values,
        "week": build_week(values["weekly_hours"]),
        "dates": build_date_rows(values["date_overrides"], today, saved_dates),
        "days_off": build_days_off(values, saved.holidays if saved else None, today, colleagues.items),
        "zones": sorted(list_time_zones()),
        "all_roles": ROLE_DESCRIPTIONS,
    }
