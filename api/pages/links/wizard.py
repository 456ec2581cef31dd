"""The outline of the wizards for links and managed links: meeting type, properties, the finished links."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from fastapi import Request, Response

from api.http.dependencies import Caller
from api.pages.links.form import MEETING_TYPE_MISSING, BaseLinkForm
from api.pages.links.form_choices import (
    Choices,
    add_suggestion,
    check_slug,
    find_meeting_type_choices,
    find_team_choices,
)
from api.pages.rendering.form_keys import generate_form_key
from api.pages.rendering.form_submission import FormState, submit_new
from api.pages.rendering.templates import redirect_to, render_page
from api.services import Services
from domain.log import CommandResult
from projections import meeting_types

F = TypeVar("F", bound=BaseLinkForm)


@dataclass(frozen=True)
class Wizard(Generic[F]):
    """What differs between the two wizards.

    `path` is the first step's, `/properties` below it the second's, and an id below it the last one's. `template`
    renders the second step, `find_people` returns whom it offers, and `create` takes its form and idempotency key.
    """

    title: str
    path: str
    back: str
    back_title: str
    steps: tuple[str, ...]
    template: str
    find_people: Callable[[Services, Caller, F], Choices]
    create: Callable[[Services, Caller, F, str | None], CommandResult]

    def render_type_step(self, request: Request, services: Services, form: F, error: str | None = None) -> Response:
        """Render the first step."""
        return render_page(
            request,
            "links/new_type.html",
            422 if error else 200,
            wizard=self,
            form=form,
            types=find_meeting_type_choices(services, form.what, form.meeting_type_id),
            error=error,
        )

    def show_properties_step(self, request: Request, services: Services, viewer: Caller, form: F) -> Response:
        """Show the second step, or the first one as long as no meeting type is chosen."""
        id = form.meeting_type_id
        if id is None or meeting_types.find_meeting_type(services.from_log(), id) is None:
            return self.render_type_step(request, services, form, MEETING_TYPE_MISSING)
        return self.render_properties_step(request, services, viewer, form, FormState(key=form.key))

    def submit(self, request: Request, services: Services, viewer: Caller, form: F) -> Response:
        """Create what the form describes, only once however often it is sent, and redirect to the last step."""
        if form.meeting_type_id is None:
            return self.render_type_step(request, services, form, MEETING_TYPE_MISSING)
        return submit_new(
            services,
            viewer.context,
            form.key,
            lambda key: self.create(services, viewer, form, key),
            lambda state, status: self.render_properties_step(request, services, viewer, form, state, status),
            lambda result: redirect_to(f"{self.path}/{result.id}", position=result.position),
        )

    def render_properties_step(
        self, request: Request, services: Services, viewer: Caller, form: F, state: FormState, status: int = 200
    ) -> Response:
        """Render the second step, filled in."""
        type_id = form.meeting_type_id
        return render_page(
            request,
            self.template,
            status,
            wizard=self,
            form=form,
            key=state.key or generate_form_key(),
            earlier=state.earlier,
            errors=add_suggestion(services, dict(state.errors), form.slug),
            meeting_type=type_id and meeting_types.find_meeting_type(services.from_log(), type_id),
            people=self.find_people(services, viewer, form),
            teams=find_team_choices(services, form.team_id),
            slug_check=check_slug(services, form.slug, form.name),
        )
