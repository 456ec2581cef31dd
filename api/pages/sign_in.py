"""Signing in by a one-time link, and signing out. Opening the link does nothing yet: its button does."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, BackgroundTasks, Form, Request, Response

from api.clock import now
from api.field_types import address
from api.http.dependencies import SESSION, Parts, by_session, require_own_origin
from api.pages.rendering.dependencies import Viewer
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.templates import go_on, render
from api.pages.rendering.urls import local, with_query
from api.services import Oncelink
from domain.commands.people import claimed_email
from domain.person import Person
from domain.refusals import TooManyRequests, Unauthorized
from integrations.mail.mail_message import Letter
from store.credentials.sessions import VALID

router = APIRouter(include_in_schema=False, route_class=PageRoute)

MOST_FOR_AN_ADDRESS = 5  # in a quarter of an hour, whether anybody has the address or not
MOST_FROM_A_PLACE = 30


@router.get("/sign-in")
def ask(request: Request, parts: Parts, next: str = "/") -> Response:
    """The page that asks for an e-mail address; who is signed in goes on."""
    try:
        by_session(request, parts)
    except Unauthorized:
        return render(request, "sign_in/ask.html", next=local(next), email="", error=None)
    return go_on(local(next))


@router.post("/sign-in")
def send_link(
    request: Request,
    parts: Parts,
    later: BackgroundTasks,
    email: Annotated[str, Form(max_length=254)] = "",
    next: Annotated[str, Form(max_length=2000)] = "/",
) -> Response:
    """Mails a one-time link. The answer is the same, and as quick, whoever has the address: the rest comes after it."""
    require_own_origin(request)
    try:
        wanted = address(email.strip())
    except ValueError as error:
        return render(request, "sign_in/ask.html", 422, next=local(next), email=email, error=str(error))
    refuse_haste(parts, wanted, request.client.host if request.client else "")
    later.add_task(parts.mail.beside, mail_link, parts, wanted, local(next))
    answer = render(request, "sign_in/sent.html", email=wanted, by_mail=bool(parts.settings.smtp_url))
    answer.background = later
    return answer


@router.get("/sign-in/{code}")
def confirm(request: Request, parts: Parts, code: str, next: str = "/") -> Response:
    """The page of a one-time link: a button, so that a mail scanner signs nobody in and burns nothing."""
    person = signs_in(parts, code)
    if person is None:
        return gone(request)
    return render(request, "sign_in/confirm.html", code=code, name=person.properties.name, next=local(next))


@router.post("/sign-in/{code}")
def sign_in(request: Request, parts: Parts, code: str, next: Annotated[str, Form(max_length=2000)] = "/") -> Response:
    """Uses the link up and begins a session."""
    require_own_origin(request)
    secret = parts.sessions.begin(code, now()) if signs_in(parts, code) else None
    if secret is None:
        return gone(request)
    parts.sessions.forget(now())
    answer = go_on(local(next))
    secure = parts.settings.base_url.startswith("https://")
    answer.set_cookie(SESSION, secret, max_age=int(VALID.total_seconds()), httponly=True, samesite="lax", secure=secure)
    return answer


@router.post("/sign-out")
def sign_out(viewer: Viewer, request: Request, parts: Parts) -> Response:
    """Ends this session."""
    parts.sessions.end(request.cookies[SESSION])
    return without_session("You are signed out.")


@router.post("/sign-out/everywhere")
def sign_out_everywhere(viewer: Viewer, parts: Parts) -> Response:
    """Ends all sessions of the person, and sign-in links that were not used yet."""
    ended = parts.sessions.end_all(viewer.person.id)
    return without_session(f"You are signed out everywhere: {ended} session{'' if ended == 1 else 's'} ended.")


def without_session(sentence: str) -> Response:
    """Back to the sign-in page."""
    answer = go_on("/sign-in", sentence)
    answer.delete_cookie(SESSION)
    return answer


def signs_in(parts: Oncelink, code: str) -> Person | None:
    """Whom a code would sign in: an active person, since a session of anybody else would wake up with them."""
    person_id = parts.sessions.usable(code, now())
    person = parts.staffing.load([person_id], fresh=True).get(person_id) if person_id else None
    return person if isinstance(person, Person) and person.active else None


def gone(request: Request) -> Response:
    """What a link that is used, old or unknown shows: always the same."""
    return render(request, "sign_in/gone.html", 410)


def refuse_haste(parts: Oncelink, email: str, place: str) -> None:
    """Bounds how often links are asked for. Raises TooManyRequests."""
    of_address = parts.sessions.requests_this_quarter(f"email {claimed_email(email)}", now())
    of_place = parts.sessions.requests_this_quarter(f"place {place}", now())
    if of_address > MOST_FOR_AN_ADDRESS or of_place > MOST_FROM_A_PLACE:
        raise TooManyRequests


def mail_link(parts: Oncelink, email: str, next: str) -> None:
    """Mails a link to the active person who has this address, if there is one."""
    key = claimed_email(email)
    person_id: UUID | None = parts.reader.claimed("email", [key]).get(key)
    person = parts.staffing.load([person_id], fresh=True).get(person_id) if person_id else None
    if not isinstance(person, Person) or not person.active:
        return
    code = parts.keys.sign_in_code(person.id, now())
    url = with_query(f"{parts.settings.base_url}/sign-in/{code}", {"next": next if next != "/" else None})
    parts.mail.send(letter_with(url, person.properties.name, person.properties.email))


def letter_with(url: str, name: str, email: str) -> Letter:
    """What somebody who wants to sign in is sent."""
    return Letter(
        to_name=name,
        to_email=email,
        subject="Sign in to Oncelink",
        headline=f"Hello {name},",
        sentence="press the button on the page that this link opens to sign in. It works once, within 15 minutes.",
        button="Sign in to Oncelink",
        url=url,
        closing="If you did not ask for this, you need not do anything.",
    )
