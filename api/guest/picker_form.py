"""The part of a guest's page that chooses a time: what booking and rescheduling show alike."""

from typing import Any

from api.guest.form import GuestForm
from api.guest.picker import Picker
from domain.refusals import Refusal


def build_form_context(picker: Picker, form: GuestForm, refusal: Refusal | None) -> dict[str, Any]:
    """Build the template context of a picker and its form; `choices` are times instead of one that is taken."""
    requested_start = picker.query.start if form.fields else None
    return {
        "zone": picker.query.time_zone,
        "picker": picker,
        "choices": picker.list_next_times(requested_start) if requested_start and not picker.start else [],
        "refusal": refusal.sentence if refusal else None,
        "filled": form,
    }
