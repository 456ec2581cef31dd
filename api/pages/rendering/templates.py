"""Renders the Jinja templates: undefined names are errors; adds the context that every template may use."""

import re
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from api.http.dependencies import Caller, get_services
from api.http.host_cookies import HOST_PREFIX
from api.pages.rendering import navigation, time_formatting, urls
from api.pages.rendering.flash_messages import NOTICE_COOKIE, Notice, set_notice
from api.pages.rendering.guest_footer import load_guest_footer
from api.pages.rendering.static_files import build_static_url
from api.pages.rendering.typed_text import render_isolated_text, render_names, render_typed_text, take_initial
from api.web_files import ICONS, TEMPLATES
from domain.answers import format_answer
from domain.durations import describe_minutes
from domain.text_direction import isolate_text
from integrations.plain_text import DIRECTION_CHARACTER
from integrations.time_zone_names import name_place
from replay.history.event_rows import to_instant

THEME_COOKIE = "oncelink_theme"
THEMES = {"light": "oncelink", "dark": "oncelink-dark"}
UTC = "UTC"
DIRECTION_OR_FORM_VALUE = re.compile(
    rf'(?P<form_value> value="[^"]*"|<textarea.*?</textarea>)|{DIRECTION_CHARACTER.pattern}', re.DOTALL
)
ICON_TEMPLATE = (
    '<svg class="icon" width="{}" height="{}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.9" '
    'stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">{}</svg>'
)


@cache
def create_environment() -> Environment:
    """Create the Jinja environment, once; an undefined name is an error."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals.update(
        static=build_static_url, icon=render_icon, here=build_current_url, with_query=urls.build_url
    )
    environment.globals.update(
        initial=take_initial,
        zone_name=name_place,
        format_answer=format_answer,
        isolated=isolate_text,
        instant=to_instant,
        bdi=render_typed_text,
        bdi_names=render_names,
        bdi_sentence=render_isolated_text,
    )
    environment.globals.update(duration=describe_minutes, at=render_time, on=render_date, since=render_relative_time)
    return environment


@cache
def render_icon(name: str, size: int = 18) -> Markup:
    """Render an icon as inline SVG, hidden from screen readers. Raises FileNotFoundError for an unknown icon."""
    source = (ICONS / f"{name}.svg").read_text(encoding="utf-8")
    inner = source[source.index(">", source.index("<svg")) + 1 : source.index("</svg>")]
    return Markup(ICON_TEMPLATE).format(size, size, Markup(inner.replace("\n", "")))  # noqa: S704


@dataclass(frozen=True)
class RenderContext:
    """The request, the zone and the instant of a rendering, for macros, to which Jinja gives no context."""

    request: Request
    zone: str
    now: datetime


RENDER_CONTEXT: ContextVar[RenderContext] = ContextVar("look")


def build_current_url(**changes: object) -> str:
    """Return the current URL with some parameters changed (None removes one); paging starts at the first row."""
    return urls.build_current_url(RENDER_CONTEXT.get().request, **changes)


def render_time(instant: datetime, zone: str | None = None) -> Markup:
    """Render a time with its day, in the zone of the rendering or in another one."""
    return time_formatting.render_time_tag(instant, zone or RENDER_CONTEXT.get().zone)


def render_date(instant: datetime) -> Markup:
    """Render only the day of a time, in the zone of the rendering."""
    return time_formatting.render_time_tag(instant, RENDER_CONTEXT.get().zone, day_only=True)


def render_relative_time(instant: datetime) -> Markup:
    """Render a time relative to now; the absolute one is its title."""
    render_context = RENDER_CONTEXT.get()
    return time_formatting.render_time_tag(instant, render_context.zone, render_context.now)


def render_page(request: Request, template: str, status: int = 200, **context: Any) -> HTMLResponse:
    """Render a page; its context has `viewer` (None if nobody is signed in) and `zone` (by default the viewer's)."""
    viewer: Caller | None = getattr(request.state, "viewer", None)
    notice = Notice.from_cookie(request.cookies.get(NOTICE_COOKIE))
    variables: Mapping[str, Any] = {
        "request": request,
        "viewer": viewer,
        "zone": viewer.person.properties.time_zone if viewer else UTC,
        "now": get_services(request).clock(),
        "theme": THEMES.get(request.cookies.get(THEME_COOKIE, "")),
        "cookie_prefix": HOST_PREFIX if get_services(request).settings.is_https else "",
        "sections": list(navigation.list_sections(viewer.context.roles)) if viewer else [],
        "current": navigation.find_current_path(request.url.path),
        "notice": notice,
        "behind": getattr(request.state, "behind", False),
        "load_guest_footer": partial(load_guest_footer, get_services(request)),
        **context,
    }
    response = HTMLResponse(render_template(template, variables), status)
    if notice and status < 400:
        response.delete_cookie(NOTICE_COOKIE)
    return response


def render_template(template: str, variables: Mapping[str, Any]) -> str:
    """Render a template with its variables."""
    token = RENDER_CONTEXT.set(RenderContext(variables["request"], variables["zone"], variables["now"]))
    try:
        return remove_direction(create_environment().get_template(template).render(variables))
    finally:
        RENDER_CONTEXT.reset(token)


def remove_direction(html: str) -> str:
    """Remove the characters that turn the direction of text from a page, except from what a form sends again."""
    if not DIRECTION_CHARACTER.search(html):
        return html
    return DIRECTION_OR_FORM_VALUE.sub(lambda match: match["form_value"] or "", html)


def redirect_to(path: str, sentence: str | None = None, position: int | None = None) -> Response:
    """Redirect to a page after a change; that page shows the message, and its lists wait for the position."""
    response = RedirectResponse(path, 303)
    set_notice(response, sentence, position)
    return response
