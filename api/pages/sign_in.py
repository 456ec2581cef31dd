"""Signing in by a one-time link, and signing out. Opening the link has no effect yet: its button signs in."""

import logging
from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, BackgroundTasks, Depends, Request, Response

from api.field_types import normalize_email
from api.http.access.entries import record_access
from api.http.auditing.recording import record_own_access
from api.http.dependencies import SESSION_COOKIE, CurrentServices, authenticate_session, require_own_origin
from api.http.form_body import FormText
from api.http.rate_limiter import limit_sign_in_requests
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.templates import redirect_to, render_page
from api.pages.rendering.urls import build_url, ensure_local_path
from api.pages.single_sign_on.sign_out import render_signed_out
from api.pages.start.welcome import build_first_path
from api.services import Services
from domain.email_addresses import fold_address
from domain.person import Person
from domain.refusals import NotFound, Unauthorized
from integrations.mail.mail_message import MailMessage
from store.credentials.sessions import SESSION_LIFETIME

log = logging.getLogger("oncelink")

router = APIRouter(include_in_schema=False, route_class=PageRoute)

EmailText = Annotated[str, Depends(FormText("email"))]
NextPath = Annotated[str, Depends(FormText("next", default="/", max_length=2000))]


@router.get("/sign-in")
def show_sign_in(request: Request, services: CurrentServices, next: str = "/", unsaved: bool = False) -> Response:
    """Show the form for an e-mail address; redirect somebody who is signed in already."""
    try:
        authenticate_session(request, services)
    except Unauthorized:
        return render_sign_in_form(request, services, next, is_unsaved=unsaved)
    return redirect_to(ensure_local_path(next))


@router.post("/sign-in")
def send_link(
    request: Request,
    services: CurrentServices,
    background_tasks: BackgroundTasks,
    email: EmailText,
    next: NextPath,
) -> Response:
    """Mail a one-time link, after the response, which is the same and as quick whoever has the address."""
    require_own_origin(request)
    if services.settings.sign_in == "oidc":
        raise NotFound
    try:
        email_address = normalize_email(email.strip())
    except ValueError as error:
        return render_sign_in_form(request, services, next, email, str(error))
    limit_sign_in_requests(services, email_address, request, services.clock())
    background_tasks.add_task(
        services.sign_in_mailer.run_in_background, send_sign_in_mail, services, email_address, ensure_local_path(next)
    )
    response = render_page(request, "sign_in/sent.html", email=email_address, mails=services.settings.mail_method)
    response.background = background_tasks
    return response


@router.get("/sign-in/{code}")
def show_confirmation(request: Request, services: CurrentServices, code: str, next: str = "/") -> Response:
    """Show a button, so that a mail scanner that opens the link neither signs in nor uses it up."""
    person = find_person(services, code)
    if person is None:
        return render_invalid_link(request)
    return render_page(
        request, "sign_in/confirm.html", code=code, name=person.properties.name, next=ensure_local_path(next)
    )


@router.post("/sign-in/{code}")
def sign_in(request: Request, services: CurrentServices, code: str, next: NextPath) -> Response:
    """Use the link up and begin a session, which ends the one that this browser had before."""
    require_own_origin(request)
    now = services.clock()  # read before the look-up: who leaves meanwhile has left after this session began
    earlier = [request.cookies[SESSION_COOKIE]] if SESSION_COOKIE in request.cookies else []
    person = find_person(services, code)
    secret = services.sessions.begin_session(code, now, earlier) if person else None
    if person is None or secret is None:
        record_access(services, request, "sign_in_refused", reason="link_unusable", way="link")
        return render_invalid_link(request)
    record_access(services, request, "sign_in", person.id, person.id, way="link")
    services.sessions.delete_expired(services.clock())
    services.request_counts.delete_old_sign_in_requests(services.clock())
    services.mailed_codes.delete_old(services.clock())
    services.access_log.delete_older_than(now - timedelta(days=services.settings.access_log_days))
    response = redirect_to(build_first_path(services, person, ensure_local_path(next)))
    max_age = int(SESSION_LIFETIME.total_seconds())
    response.set_cookie(SESSION_COOKIE, secret, max_age=max_age, httponly=True, samesite="lax")
    return response


@router.post("/sign-out")
def sign_out(viewer: Viewer, request: Request, services: CurrentServices) -> Response:
    """End this session; whoever came from the OpenID provider is led on to its own sign-out."""
    id_token = services.sessions.end_session(request.cookies[SESSION_COOKIE])
    record_own_access(services, request, viewer, "sign_out")
    page = render_signed_out(request, services, viewer.person.id, id_token)
    if page is None:
        return redirect_to_sign_in("You are signed out.")
    page.delete_cookie(SESSION_COOKIE)
    return page


@router.post("/sign-out/everywhere")
def sign_out_everywhere(viewer: Viewer, request: Request, services: CurrentServices) -> Response:
    """End all sessions of the person, and their unused sign-in links."""
    ended_count = services.sessions.end_all_sessions(viewer.person.id)
    record_own_access(services, request, viewer, "sign_out", sessions=ended_count)
    return redirect_to_sign_in(
        f"You are signed out everywhere: {ended_count} session{'' if ended_count == 1 else 's'} ended."
    )


def render_sign_in_form(
    request: Request,
    services: Services,
    next: str,
    email: str = "",
    error: str | None = None,
    is_unsaved: bool = False,
) -> Response:
    """Render the form for an e-mail address, with what was wrong with the one that was sent.

    `is_unsaved`: somebody was led here because their session had ended when they sent a form.
    """
    status = 422 if error else 200
    return render_page(
        request,
        "sign_in/ask.html",
        status,
        next=ensure_local_path(next),
        email=email,
        error=error,
        unsaved=is_unsaved,
        mails=services.settings.mail_method,
        by_mail=services.settings.sign_in != "oidc",
        provider=services.settings.oidc_provider_name if services.settings.oidc_client else None,
    )


def redirect_to_sign_in(sentence: str) -> Response:
    """Redirect to the sign-in page with a message, and delete the session cookie."""
    response = redirect_to("/sign-in", sentence)
    response.delete_cookie(SESSION_COOKIE)
    return response


def find_person(services: Services, code: str) -> Person | None:
    """Return the active person whom a code would sign in, or None; a code ends with the address it was made for."""
    usable_code = services.sessions.find_usable_code(code, services.clock())
    if usable_code is None:
        return None
    person = services.administration.load_aggregates([usable_code.person_id], fresh=True).get(usable_code.person_id)
    if not isinstance(person, Person) or not person.active:
        return None
    return None if person.has_left_address_since(usable_code.created_at) else person


def render_invalid_link(request: Request) -> Response:
    """Render the page of a link that is used, expired or unknown: always the same."""
    return render_page(request, "sign_in/gone.html", 410)


def send_sign_in_mail(services: Services, email: str, next: str) -> None:
    """Mail a sign-in link to the active person who has this address, if there is one, and a mail server."""
    if services.settings.mail_method == "none":
        log.warning("Somebody asked for a sign-in link, and there is no mail server to send it: set ONCELINK_SMTP_URL.")
        return
    key = fold_address(email)
    person_id: UUID | None = services.reader.find_claims("email", [key]).get(key)
    person = services.administration.load_aggregates([person_id], fresh=True).get(person_id) if person_id else None
    if not isinstance(person, Person) or not person.active:
        return
    code = services.api_keys.create_sign_in_code(person.id, services.clock())
    url = build_url(f"{services.settings.base_url}/sign-in/{code}", {"next": next if next != "/" else None})
    services.sign_in_mailer.send(build_sign_in_mail(url, person.properties.name, person.properties.email))


def build_sign_in_mail(url: str, name: str, email: str) -> MailMessage:
    """Build the mail with a sign-in link."""
    return MailMessage(
        to_name=name,
        to_email=email,
        subject="Sign in to Oncelink",
        headline=f"Hello {name},",
        sentence="press the button on the page that this link opens to sign in. It works once, within 15 minutes.",
        button="Sign in to Oncelink",
        url=url,
        closing="If you did not ask for this, you need not do anything.",
    )
