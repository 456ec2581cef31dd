"""The list of the first day on My Links: zone, hours, calendar, first link, and a look at it as a guest."""

from dataclasses import dataclass
from typing import Literal

from fastapi import APIRouter, Response

from api.http.dependencies import Caller, CurrentServices
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.templates import redirect_to
from api.services import Services
from domain.refusals import NotFound
from projections import links
from projections.links import LinkFilters, LinkRow

router = APIRouter(prefix="/welcome", include_in_schema=False, route_class=PageRoute)

MarkableStep = Literal["hours", "calendar", "finished"]


@dataclass(frozen=True)
class OpenSteps:
    """The steps of somebody's first day; `link` is their first link that guests can open, if they have one."""

    done: frozenset[str]
    link: LinkRow | None

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to do."""
        return "finished" in self.done or self.done >= {"zone", "hours", "calendar", "link", "preview"}


@router.post("/steps/{step}")
def mark_step(services: CurrentServices, viewer: Viewer, step: MarkableStep) -> Response:
    """Mark a step as done that only its person can judge; `finished` puts the list away."""
    services.onboarding.mark_done(viewer.person.id, (step,), viewer.context.now)
    sentence = "Put the list away. Everything of it is in your settings." if step == "finished" else None
    return redirect_to("/links", sentence)


@router.post("/preview")
def open_as_guest(services: CurrentServices, viewer: Viewer) -> Response:
    """Lead to the viewer's first link as guests see it. Raises NotFound for somebody without a link."""
    link = find_first_link(services, viewer)
    if link is None:
        raise NotFound
    services.onboarding.mark_done(viewer.person.id, ("preview",), viewer.context.now)
    return redirect_to(f"/book/{link['slug']}")


def list_open_steps(services: Services, viewer: Caller) -> OpenSteps | None:
    """Return the steps of the viewer's first day; None when they are done, or for people who host nothing."""
    if "member" not in viewer.context.roles:
        return None
    done = services.onboarding.list_done_steps(viewer.person.id)
    if "finished" in done:
        return None
    link = find_first_link(services, viewer)
    has_calendar = bool(
        viewer.person.properties.busy_feed_url or services.calendar_sync.store.list_calendars(viewer.person.id)
    )
    observed = {name for name, is_done in (("link", link is not None), ("calendar", has_calendar)) if is_done}
    steps = OpenSteps(frozenset(done | observed), link)
    return None if steps.is_complete else steps


def find_first_link(services: Services, viewer: Caller) -> LinkRow | None:
    """Return the viewer's first link that guests can open."""
    filters = LinkFilters(view="mine", viewer=viewer.person.id, status="active")
    page = links.list_links(services.live_source, viewer.context.now, filters, "created_at", 1)
    return next(iter(page.items), None)
