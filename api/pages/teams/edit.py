"""Creating, changing and deleting teams; each works without JavaScript."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from api.http.dependencies import CurrentServices, Id, describe_request
from api.http.form_body import Form
from api.pages.links.form_choices import find_people_choices
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.edit_conflicts import Difference
from api.pages.rendering.form_keys import generate_form_key
from api.pages.rendering.form_submission import FormState, submit_edit, submit_new
from api.pages.rendering.forms import validate_form
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.templates import redirect_to, render_page
from api.pages.teams.form import TeamForm
from api.services import Services
from api.v1.bodies.teams import NewTeam, TeamChanges
from domain.log import CommandResult
from domain.refusals import TeamInUse
from domain.team import Team
from domain.text_direction import isolate_text

router = APIRouter(prefix="/teams", include_in_schema=False, route_class=PageRoute)


@router.get("/new")
def show_new_form(request: Request, services: CurrentServices, viewer: Viewer) -> Response:
    """Show an empty form, or what was typed before a search (manager)."""
    viewer.require_any_role("manager")
    form = TeamForm.from_pairs(request.query_params.multi_items())
    return render_form(request, services, None, form, FormState(key=form.key or generate_form_key()))


@router.post("/new")
def create_team(request: Request, services: CurrentServices, viewer: Viewer, submitted: Form) -> Response:
    """Create a team, only once however often the form is sent (manager)."""
    viewer.require_any_role("manager")
    form = TeamForm.from_pairs(submitted.pairs)

    def create(key: str | None) -> CommandResult:
        body = validate_form(NewTeam, form.to_values())
        return services.teams.create_team(
            viewer.context, body.to_properties(), key, describe_request(body, route="teams")
        )

    return submit_new(
        services,
        viewer.context,
        form.key,
        create,
        lambda state, status: render_form(request, services, None, form, state, status),
        lambda result: redirect_to(
            f"/teams/{result.id}", f"Created {isolate_text(form.name.strip())}.", result.position
        ),
    )


@router.get("/{id}/edit")
def show_edit_form(request: Request, services: CurrentServices, viewer: Viewer, id: Id) -> Response:
    """Show the form of a team as it is, or what was typed before a search (manager)."""
    viewer.require_any_role("manager")
    team, pairs = load_team(services, id), request.query_params.multi_items()
    form = TeamForm.from_pairs(pairs) if pairs else TeamForm.from_properties(team.properties, team.version)
    return render_form(request, services, team, form, FormState(version=form.version))


@router.post("/{id}/edit")
def update_team(request: Request, services: CurrentServices, viewer: Viewer, id: Id, submitted: Form) -> Response:
    """Change a team, unless somebody else changed it since the form was loaded (manager)."""
    viewer.require_any_role("manager")
    team, form = load_team(services, id), TeamForm.from_pairs(submitted.pairs)

    def update(version: int | None) -> int | None:
        changes = validate_form(TeamChanges, form.to_values()).to_changes()
        return services.teams.update_team(viewer.context, id, changes, version)

    def redirect(position: int | None) -> Response:
        sentence = f"Saved {isolate_text(form.name)}. Links with it follow at once." if position else None
        return redirect_to(f"/teams/{id}", sentence or "Nothing was changed.", position)

    mine = {"name": form.name, "members": [form.build_member(id, {}) for id in form.member_ids]}
    return submit_edit(
        services,
        form.version,
        mine,
        update,
        lambda: load_team(services, id),
        lambda state, status: render_form(request, services, team, form, state, status),
        redirect,
    )


@router.get("/{id}/delete")
def show_delete_confirmation(request: Request, services: CurrentServices, viewer: Viewer, id: Id) -> Response:
    """Show what still uses a team, or ask before deleting it (manager)."""
    viewer.require_any_role("manager")
    return render_deletion(request, services, id)


@router.post("/{id}/delete")
def delete_team(request: Request, services: CurrentServices, viewer: Viewer, id: Id) -> Response:
    """Delete a team that no link has any more (manager)."""
    viewer.require_any_role("manager")
    team = load_team(services, id)
    try:
        position = services.teams.delete_team(viewer.context, id)
    except TeamInUse:
        return render_deletion(request, services, id, 409)
    services.announce_append()
    return redirect_to("/teams", f"Deleted {isolate_text(team.properties.name)}.", position)


def render_deletion(request: Request, services: Services, id: UUID, status: int = 200) -> Response:
    """Render the question before a team is deleted, or the links that still have it."""
    team, links = load_team(services, id), services.teams.list_links_of_team(id)
    return render_page(request, "teams/delete.html", status, team=team, links=links)


def render_form(
    request: Request, services: Services, team: Team | None, form: TeamForm, state: FormState, status: int = 200
) -> Response:
    """Render the page of the form, for a new team without a `team`."""
    people = find_people_choices(services, form.who or None, form.member_ids)
    names = {person["id"]: person["name"] for person in people.items}
    theirs = [describe_difference(difference, names) for difference in state.theirs]
    errors = {("member_ids" if name == "members" else name): text for name, text in state.errors.items()}
    context = vars(state) | {"errors": errors, "theirs": theirs}
    return render_page(request, "teams/form.html", status, team=team, form=form, people=people, **context)


def describe_difference(difference: Difference, names: dict[UUID, str]) -> Difference:
    """Return a difference with the members as texts."""
    if difference.field != "members":
        return difference

    def describe_members(members: list[dict[str, object]]) -> list[str]:
        return [
            f"{names.get(UUID(str(member['person_id'])), 'somebody')}"
            f" (weight {member['weight']}, priority {member['priority']})"
            for member in members
        ]

    return Difference("members", describe_members(difference.theirs), describe_members(difference.mine))


def load_team(services: Services, id: UUID) -> Team:
    """Load a team. Raises NotFound, also for one that was deleted."""
    team = services.teams.load_aggregate(Team, id)
    team.refuse_if_deleted()
    return team
