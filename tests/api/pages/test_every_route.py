"""Every route of a page, found in the service itself: who may see it, its headers, and that looking changes nothing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from api.app import build
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.static_files import collection, static
from api.settings import Settings
from tests.api.pages.page_client import Visitor
from tests.api.refusals import head
from tests.api_driver import House, code_of

UNDER_A_CODE = ("/book/", "/s/", "/m/")
ANYBODY = ("/sign-in", *UNDER_A_CODE)
TEMPLATES = Path("web/templates")
KEYED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "links/new_properties.html": ("member", "/links/new/properties", {}),
    "management/new_properties.html": ("manager", "/management/managed/new/properties", {"slug": "keyed-for-hosts"}),
    "admin/person.html": ("admin", "/admin/people/new", {"email": "keyed@nexora.example", "roles": "member"}),
    "admin/meeting_type.html": ("admin", "/admin/meeting-types/new", {}),
}
POLICY = ("default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'")


def routes_of(app: FastAPI) -> list[APIRoute]:
    """The routes of pages."""
    return [route for route in all_routes(app.routes) if isinstance(route, PageRoute)]


def all_routes(routes: Any) -> Iterator[Any]:
    """Routes, those of included routers too."""
    for route in routes:
        inner = getattr(route, "original_router", None) or getattr(route, "app", None)
        if not isinstance(route, APIRoute) and hasattr(inner, "routes"):
            yield from all_routes(inner.routes)
        else:
            yield route


ROUTES = routes_of(build(Settings.model_construct()))
LOOKS = [route.path for route in ROUTES if "GET" in (route.methods or ())]
WRITES = [route.path for route in ROUTES if "POST" in (route.methods or ())]
INSIDE = [path for path in WRITES if not path.startswith(ANYBODY)]


@pytest.fixture(scope="module")
def filled(shared_house: House) -> dict[str, str]:
    """An address for each route, with ids and codes of things that are there."""
    house = shared_house
    link = house.link("Looked at", slug="looked-at")
    single = house.codes(link)[0]
    booked = house.book("looked-at", house.slots("looked-at")[0])
    managed = {"name": "All", "slug": "all", "meeting_type_id": house.ids["type"], "host_ids": [house.ids["engineer"]]}
    ids = {
        "/links/": link["id"],
        "/management/people/": house.ids["member"],
        "/management/": house.post("/v1/managed-links", managed, "manager", 201)["id"],
        "/meeting-log/": booked["booking"]["id"],
        "/history/": link["id"],
        "/admin/people/": house.ids["engineer"],
        "/admin/meeting-types/": house.ids["type"],
        "/book/": "looked-at",
        "/s/": single,
        "/m/": code_of(booked["manage_url"]),
        "/sign-in/": "a" * 43,
    }

    def address(path: str) -> str:
        value = next((id for beginning, id in ids.items() if path.startswith(beginning)), "x")
        return "/".join(value if part.startswith("{") else part for part in path.split("/"))

    return {path: address(path) for path in {*LOOKS, *WRITES}}


def test_there_are_routes() -> None:
    assert {"/", "/links", "/links/library", "/sign-in"} <= set(LOOKS)
    assert len(INSIDE) >= 4


@pytest.mark.usefixtures("unmoved")
class TestLooking:
    """GET and HEAD."""

    @pytest.mark.parametrize("path", LOOKS)
    def test_changes_nothing_and_is_guarded(self, shared_house: House, filled: dict[str, str], path: str) -> None:
        visitor = Visitor(shared_house, "admin")
        answer = visitor.get(filled[path])
        assert answer.status_code < 500
        assert visitor.client.head(filled[path]).status_code == answer.status_code
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        if not answer.headers.get("content-type", "").startswith("text/html"):
            return
        assert all(part in answer.headers["content-security-policy"] for part in POLICY)
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-frame-options"] == "DENY"
        under_a_code = path.startswith(UNDER_A_CODE)
        assert answer.headers["referrer-policy"] == ("no-referrer" if under_a_code else "same-origin")
        assert not under_a_code or answer.headers["x-robots-tag"] == "noindex"

    @pytest.mark.parametrize("path", [path for path in LOOKS if not path.startswith(ANYBODY)])
    def test_leads_to_signing_in_first(self, shared_house: House, filled: dict[str, str], path: str) -> None:
        answer = Visitor(shared_house).get(filled[path])
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/sign-in")
        part = Visitor(shared_house).get(filled[path], **{"HX-Request": "true"})
        assert part.headers["hx-redirect"].startswith("/sign-in")

    @pytest.mark.parametrize("role", ["member", "manager", "auditor", "analyst"])
    def test_shows_no_role_a_mistake_of_ours(self, shared_house: House, filled: dict[str, str], role: str) -> None:
        visitor = Visitor(shared_house, role)
        assert {path: status for path in LOOKS if (status := visitor.get(filled[path]).status_code) >= 500} == {}


@pytest.mark.usefixtures("unmoved")
class TestWriting:
    """POST."""

    @pytest.mark.parametrize("path", INSIDE)
    def test_is_not_done_for_another_site(self, shared_house: House, filled: dict[str, str], path: str) -> None:
        visitor = Visitor(shared_house, "admin")
        for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {}):
            assert visitor.post(filled[path], headers=headers).status_code == 403
        assert visitor.signed_in()

    @pytest.mark.parametrize("path", INSIDE)
    def test_is_not_done_for_nobody(self, shared_house: House, filled: dict[str, str], path: str) -> None:
        assert Visitor(shared_house).post(filled[path]).headers["location"] == "/sign-in"

    @pytest.mark.parametrize("path", WRITES)
    def test_is_not_done_with_too_much(self, shared_house: House, filled: dict[str, str], path: str) -> None:
        answer = Visitor(shared_house, "admin").post(filled[path], {"back": "x" * 70_000})
        assert answer.status_code == 413


class TestKeysInForms:
    """A form with a hidden key: the same form is done once, another one under its key is refused."""

    def test_there_are_no_others(self) -> None:
        found = {path for path in TEMPLATES.rglob("*.html") if 'name="key"' in path.read_text(encoding="utf-8")}
        by_guests = {"guest/book.html"}  # in tests/api/guest/test_booking_pages.py
        assert {str(path.relative_to(TEMPLATES)) for path in found} == by_guests | set(KEYED)

    @pytest.mark.parametrize("template", KEYED)
    def test_a_key_does_nothing_for_another_form(self, shared_house: House, template: str) -> None:
        who, path, more = KEYED[template]
        ids = {"meeting_type_id": shared_house.ids["type"], "host_ids": shared_house.ids["engineer"]}
        form = {"name": "Keyed", "time_zone": "UTC", "key": f"order-{template}", **ids, **more}
        visitor = Visitor(shared_house, who)
        first = visitor.post(path, form)
        assert first.status_code == 303
        before = head(shared_house)
        other = visitor.post(path, form | {"name": "Another"})
        assert other.status_code == 422
        assert "location" not in other.headers
        assert visitor.post(path, form).headers["location"] == first.headers["location"]
        assert head(shared_house) == before


class TestRefusals:
    """A refusal is a page."""

    @pytest.mark.parametrize(
        ("path", "status"),
        [
            ("/nowhere", 404),
            ("/links?status=zqx", 422),
            ("/links?cursor=zqx", 422),
            ("/links?row=0", 422),
            ("/links/00000000-0000-0000-0000-000000000000/delete", 404),
            ("/links/zqx/delete", 404),
        ],
    )
    def test_says_one_sentence(self, shared_house: House, path: str, status: int) -> None:
        answer = Visitor(shared_house, "member").get(path)
        assert answer.status_code == status
        assert answer.headers["content-type"].startswith("text/html")
        assert "zqx" not in answer.text.replace(path, "").replace("next=", "")

    def test_a_role_that_may_not(self, shared_house: House) -> None:
        answer = Visitor(shared_house, "analyst").get("/links")
        assert answer.status_code == 403
        assert "Your roles do not allow this" in answer.text

    def test_an_unknown_address_stays_json_for_programs(self, shared_house: House) -> None:
        assert shared_house.client.get("/nowhere").headers["content-type"] == "application/problem+json"
        browser = {"Accept": "text/html"}
        assert (
            shared_house.client.get("/v1/nowhere", headers=browser).headers["content-type"]
            == "application/problem+json"
        )

    def test_somebody_elses_link_is_not_there(self, shared_house: House) -> None:
        link = shared_house.link("Manager's", "manager")
        before = head(shared_house)
        visitor = Visitor(shared_house, "member")
        for action in ("disable", "enable", "delete"):
            assert visitor.post(f"/links/{link['id']}/{action}").status_code == 404
        assert visitor.get(f"/links/{link['id']}/delete").status_code == 404
        assert head(shared_house) == before


class TestStaticFiles:
    """`/static/{hash}/…`."""

    def test_are_kept_for_ever_under_their_hash(self, shared_house: House) -> None:
        assert len(collection().contents) > 10
        for name, content in collection().contents.items():
            answer = shared_house.client.get(static(name))
            assert answer.content == content
            assert "immutable" in answer.headers["cache-control"]

    def test_are_not_kept_under_another_hash(self, shared_house: House) -> None:
        answer = shared_house.client.get("/static/000000000000/css/app.css")
        assert answer.headers["cache-control"] == "no-cache"

    @pytest.mark.parametrize("name", ["nothing.js", "../../pyproject.toml", "..%2f..%2fpyproject.toml", "css", ""])
    def test_nothing_else_is_served(self, shared_house: House, name: str) -> None:
        assert shared_house.client.get(f"/static/000000000000/{name}").status_code == 404

    def test_the_icon_is_where_browsers_look(self, shared_house: House) -> None:
        assert shared_house.client.get("/favicon.ico").headers["content-type"] == "image/svg+xml"
