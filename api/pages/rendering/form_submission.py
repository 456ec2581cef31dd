"""Submits forms that create or change something; whatever fails, typed values are kept."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from fastapi import Response

from api.pages.rendering.edit_conflicts import Difference, find_differences
from api.pages.rendering.form_keys import find_earlier_id, generate_form_key, parse_form_key
from api.pages.rendering.forms import InvalidForm, collect_field_errors
from api.services import Services
from domain.event import Context
from domain.log import CommandResult
from domain.meeting_type import MeetingType
from domain.organisation import Organisation
from domain.person import Person
from domain.refusals import IdempotencyKeyReused, Refusal, VersionConflict
from domain.team import Team


@dataclass(frozen=True)
class FormState:
    """What a page shows beside the values of its form.

    `key` is the idempotency key of a form that creates something, `version` the one that an edit is made on. `errors`
    maps fields to messages, `theirs` has what somebody else saved meanwhile, and `earlier` is the id of what another
    form with the same key created.
    """

    key: str = ""
    version: int | str = ""
    errors: Mapping[str, str] = field(default_factory=dict)
    theirs: Sequence[Difference] = ()
    earlier: UUID | None = None


Render = Callable[[FormState, int], Response]


def submit_new(
    services: Services,
    context: Context,
    key: str,
    create: Callable[[str | None], CommandResult],
    render: Render,
    redirect: Callable[[CommandResult], Response],
) -> Response:
    """Create something, only once however often the form is sent, and redirect; or render the form again.

    A key that created something else is replaced by a new one, so that the same button creates another thing.
    """
    parsed_key = parse_form_key(key)
    try:
        result = create(parsed_key)
    except IdempotencyKeyReused:
        return render(FormState(key=generate_form_key(), earlier=find_earlier_id(context, parsed_key)), 422)
    except (InvalidForm, Refusal) as error:
        return render(FormState(key=key, errors=collect_field_errors(error)), 422)
    if not result.replayed:
        services.announce_append()
    return redirect(result)


def submit_edit(
    services: Services,
    version: str,
    values: Mapping[str, Any],
    update: Callable[[int | None], int | None],
    load_saved: Callable[[], Person | MeetingType | Organisation | Team],
    render: Render,
    redirect: Callable[[int | None], Response],
) -> Response:
    """Change something and redirect; or render the form again, with what somebody else saved since it was loaded."""
    try:
        position = update(int(version) if version.isdecimal() else None)
    except VersionConflict:
        saved = load_saved()
        theirs = find_differences(saved.properties.model_dump(), values)
        return render(FormState(version=saved.version, theirs=theirs), 412)
    except (InvalidForm, Refusal) as error:
        return render(FormState(version=version, errors=collect_field_errors(error)), 422)
    if position is not None:
        services.announce_append()
    return redirect(position)
