"""Templates become pages here: strict about what is undefined, and with what every template may use."""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from api.clock import now
from api.http.dependencies import Caller
from api.pages.rendering import navigation, time_formatting, urls
from api.pages.rendering.flash_messages import NOTICE, Notice, set_notice
from api.pages.rendering.static_files import static
from api.web_files import ICONS, TEMPLATES

THEME = "oncelink_theme"
THEMES = {"light": "oncelink", "dark": "oncelink-dark"}
UTC = "UTC"
DRAWN = (
    '<svg class="icon" width="{}" height="{}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.9" '
    'stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">{}</svg>'
)


@cache
def environment() -> Environment:
    """The templates; a name that is not there and a value that is not given are mistakes, not gaps."""
    found = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    found.globals.update(static=static, icon=icon, here=here, with_query=urls.with_query)
    found.globals.update(at=at, on=on, since=since)
    return found


@cache
def icon(name: str, size: int = 18) -> Markup:
    """An icon in the size of its text's line, for the eye only; FileNotFoundError for one that is not in web/icons."""
    source = (ICONS / f"{name}.svg").read_text(encoding="utf-8")
    inner = source[source.index(">", source.index("<svg")) + 1 : source.index("</svg>")]
    return Markup(DRAWN).format(size, size, Markup(inner.replace("\n", "")))  # noqa: S704


@dataclass(frozen=True)
class Look:
    """Who looks at which page, when: for what macros use, which Jinja gives no context."""

    request: Request
    zone: str
    now: datetime


LOOK: ContextVar[Look] = ContextVar("look")


def here(**changes: object) -> str:
    """The address that is looked at, with some parameters of its query changed."""
    return urls.here(LOOK.get().request, **changes)


def at(instant: datetime) -> Markup:
    """A time with its day, in the zone of who looks."""
    return time_formatting.time_tag(instant, LOOK.get().zone)


def on(instant: datetime) -> Markup:
    """A time's day alone, in the zone of who looks."""
    return time_formatting.time_tag(instant, LOOK.get().zone, day_only=True)


def since(instant: datetime) -> Markup:
    """A time relative to now; the absolute one shows on hover."""
    look = LOOK.get()
    return time_formatting.time_tag(instant, look.zone, look.now)


def render(request: Request, template: str, status: int = 200, **context: Any) -> HTMLResponse:
    """A page. `viewer` is who is signed in, or None; `zone` is the viewer's unless given."""
    viewer: Caller | None = getattr(request.state, "viewer", None)
    notice = Notice.read(request.cookies.get(NOTICE))
    given: Mapping[str, Any] = {
        "request": request,
        "viewer": viewer,
        "zone": viewer.person.properties.time_zone if viewer else UTC,
        "now": now(),
        "theme": THEMES.get(request.cookies.get(THEME, "")),
        "sections": list(navigation.sections_for(viewer.context.roles)) if viewer else [],
        "current": navigation.current(request.url.path),
        "notice": notice,
        "behind": getattr(request.state, "behind", False),
        **context,
    }
    answer = HTMLResponse(written(template, given), status, {"Cache-Control": "no-store"})
    if notice and status < 400:
        answer.delete_cookie(NOTICE)
    return answer


def written(template: str, given: Mapping[str, Any]) -> str:
    """A template with its values."""
    token = LOOK.set(Look(given["request"], given["zone"], given["now"]))
    try:
        return environment().get_template(template).render(given)
    finally:
        LOOK.reset(token)


def go_on(path: str, sentence: str | None = None, position: int | None = None) -> Response:
    """After something was done: on to a page, which says so, and whose lists have what was written."""
    answer = RedirectResponse(path, 303, {"Cache-Control": "no-store"})
    set_notice(answer, sentence, position)
    return answer
