"""Every route of a page, found in the service itself: who may see it, its headers, and that looking changes nothing."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from api.app import build_app
from api.pages.rendering.page_route import PageRoute
from api.pages.rendering.static_files import build_static_url, load_files
from api.settings import Settings
from tests.api.pages.page_client import PageClient
from tests.api.refusals import find_last_position
from tests.api_driver import ApiDriver, extract_code

UNDER_A_CODE = ("/book/", "/s/", "/m/")
ANYBODY = ("/sign-in", *UNDER_A_CODE)
TEMPLATES = Path("web/templates")
KEYED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "links/new_properties.html": ("member", "/links/new/properties", {}),
    "management/new_properties.html": ("manager", "/management/managed/new/properties", {"slug": "keyed-for-hosts"}),
    "teams/form.html": ("manager", "/teams/new", {}),
    "admin/person.html": ("admin", "/admin/people/new", {"email": "keyed@nexora.example", "roles": "member"}),
    "admin/meeting_type.html": ("admin", "/admin/meeting-types/new", {}),
}
KEY_FIELD = re.compile(r'name="key"|form_key\.field\(')
EXTENDS = re.compile(r'(?:\{#.*?#\}\s*)?\{% extends "([^"]+)" %\}', re.DOTALL)
POLICY = ("default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'")


def list_page_routes(app: FastAPI) -> list[PageRoute]:
    """The routes of pages."""
    return [route for route in iterate_routes(app.routes) if isinstance(route, PageRoute)]


def iterate_routes(routes: Any) -> Iterator[Any]:
    """Routes, those of included routers too."""
    for route in routes:
        inner = getattr(route, "original_router", None) or getattr(route, "app", None)
        if not isinstance(route, APIRoute) and hasattr(inner, "routes"):
            yield from iterate_routes(inner.routes)
        else:
            yield route


ROUTES = list_page_routes(build_app(Settings.model_construct()))
LOOKS = [route.path for route in ROUTES if "GET" in (route.methods or ())]
WRITES = [route.path for route in ROUTES if "POST" in (route.methods or ())]
INSIDE = [path for path in WRITES if not path.startswith(ANYBODY)]


@pytest.fixture(scope="module")
def page_paths(shared_api: ApiDriver) -> dict[str, str]:
    """The path of each route, with ids and codes of existing objects."""
    api = shared_api
    link = api.create_link("Looked at", slug="looked-at")
    single = api.create_codes(link)[0]
    booking = api.book_meeting("looked-at", api.list_slots("looked-at")[0])
    managed = {"name": "All", "slug": "all", "meeting_type_id": api.ids["type"], "host_ids": [api.ids["engineer"]]}
    ids = {
        "/links/": link["id"],
        "/teams/": api.create_team("engineer")["id"],
        "/management/people/": api.ids["member"],
        "/management/": api.post("/v1/managed-links", managed, "manager", 201)["id"],
        "/meeting-log/": booking["booking"]["id"],
        "/history/": link["id"],
        "/admin/people/": api.ids["engineer"],
        "/admin/meeting-types/": api.ids["type"],
        "/book/": "looked-at",
        "/s/": single,
        "/m/": extract_code(booking["manage_url"]),
        "/sign-in/": "a" * 43,
    }

    def fill_path(path: str) -> str:
        value = next((id for prefix, id in ids.items() if path.startswith(prefix)), "x")
        return "/".join(value if part.startswith("{") else part for part in path.split("/"))

    return {path: fill_path(path) for path in {*LOOKS, *WRITES}}


def test_there_are_routes() -> None:
    assert {"/", "/links", "/links/library", "/sign-in"} <= set(LOOKS)
    assert len(INSIDE) >= 4


@pytest.mark.usefixtures("unchanged_log")
class TestReading:
    """GET and HEAD."""

    @pytest.mark.parametrize("path", LOOKS)
    def test_changes_nothing_and_is_guarded(self, shared_api: ApiDriver, page_paths: dict[str, str], path: str) -> None:
        page_client = PageClient(shared_api, "admin")
        response = page_client.get(page_paths[path])
        assert response.status_code < 500
        assert page_client.client.head(page_paths[path]).status_code == response.status_code
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["cache-control"] == "no-store"
        if not response.headers.get("content-type", "").startswith("text/html"):
            return
        assert all(part in response.headers["content-security-policy"] for part in POLICY)
        assert "unsafe" not in response.headers["content-security-policy"]
        assert response.headers["x-frame-options"] == "DENY"
        under_a_code = path.startswith(UNDER_A_CODE)
        assert response.headers["referrer-policy"] == ("no-referrer" if under_a_code else "same-origin")
        assert not under_a_code or response.headers["x-robots-tag"] == "noindex"

    @pytest.mark.parametrize("path", [path for path in LOOKS if not path.startswith(ANYBODY)])
    def test_leads_to_signing_in_first(self, shared_api: ApiDriver, page_paths: dict[str, str], path: str) -> None:
        response = PageClient(shared_api).get(page_paths[path])
        assert response.status_code == 303
        assert response.headers["location"].startswith("/sign-in")
        part = PageClient(shared_api).get(page_paths[path], **{"HX-Request": "true"})
        assert part.headers["hx-redirect"].startswith("/sign-in")

    @pytest.mark.parametrize("role", ["member", "manager", "auditor", "analyst"])
    def test_shows_no_role_a_mistake_of_ours(
        self, shared_api: ApiDriver, page_paths: dict[str, str], role: str
    ) -> None:
        page_client = PageClient(shared_api, role)
        assert {
            path: status for path in LOOKS if (status := page_client.get(page_paths[path]).status_code) >= 500
        } == {}


@pytest.mark.usefixtures("unchanged_log")
class TestWriting:
    """POST."""

    @pytest.mark.parametrize("path", INSIDE)
    def test_is_not_done_for_another_site(self, shared_api: ApiDriver, page_paths: dict[str, str], path: str) -> None:
        page_client = PageClient(shared_api, "admin")
        for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {}):
            assert page_client.post(page_paths[path], headers=headers).status_code == 403
        assert page_client.is_signed_in()

    @pytest.mark.parametrize("path", INSIDE)
    def test_is_not_done_for_nobody(self, shared_api: ApiDriver, page_paths: dict[str, str], path: str) -> None:
        expected = "/sign-in" if path.startswith("/sign-out") else "/sign-in?unsaved=true"
        assert PageClient(shared_api).post(page_paths[path]).headers["location"] == expected

    @pytest.mark.parametrize("path", WRITES)
    def test_is_not_done_with_too_much(self, shared_api: ApiDriver, page_paths: dict[str, str], path: str) -> None:
        [limit] = {route.max_body_bytes for route in ROUTES if route.path == path and "POST" in (route.methods or ())}
        response = PageClient(shared_api, "admin").post(page_paths[path], {"back": "x" * limit})
        assert response.status_code == 413


class TestKeysInForms:
    """A form with a hidden key: the same form is done once, another one under its key is refused."""

    def test_there_are_no_others(self) -> None:
        elsewhere = {
            "admin/webhooks.html",  # tests/integrations/webhooks/test_webhook_pages.py
            "guest/book.html",  # tests/api/guest/test_booking_pages.py
            "links/recipients_preview.html",  # tests/api/pages/test_recipients.py
        }
        assert set(list_leaves(lambda text: KEY_FIELD.search(text) is not None)) == elsewhere | set(KEYED)

    @pytest.mark.parametrize("template", KEYED)
    def test_a_key_does_nothing_for_another_form(self, shared_api: ApiDriver, template: str) -> None:
        who, path, more = KEYED[template]
        ids = {"meeting_type_id": shared_api.ids["type"], "host_ids": shared_api.ids["engineer"]}
        ids["member_ids"] = shared_api.ids["engineer"]
        form = {"name": "Keyed", "time_zone": "UTC", "key": f"order-{template}", **ids, **more}
        page_client = PageClient(shared_api, who)
        first = page_client.post(path, form)
        assert first.status_code == 303
        position_before = find_last_position(shared_api)
        other = page_client.post(path, form | {"name": "Another"})
        assert other.status_code == 422
        assert "location" not in other.headers
        assert page_client.post(path, form).headers["location"] == first.headers["location"]
        assert find_last_position(shared_api) == position_before

    @pytest.mark.parametrize("template", KEYED)
    def test_another_form_under_a_used_key_keeps_what_was_typed_and_goes_on(
        self, shared_api: ApiDriver, template: str
    ) -> None:
        who, path, more = KEYED[template]
        ids = {"meeting_type_id": shared_api.ids["type"], "host_ids": shared_api.ids["engineer"]}
        ids["member_ids"] = shared_api.ids["engineer"]
        used_key = f"used-{template}"
        form = {"name": "First", "time_zone": "Asia/Kolkata", "key": used_key, **ids, **more}
        form |= {name: f"first-{more[name]}" for name in ("slug", "email") if name in more}
        page_client = PageClient(shared_api, who)
        assert page_client.post(path, form).status_code == 303
        second_form = form | {"name": "Second typed"}
        second_form |= {name: f"second-{more[name]}" for name in ("slug", "email") if name in more}
        refused = page_client.post(path, second_form)
        assert refused.status_code == 422
        assert "This form has already" in refused.text
        earlier = re.search(r'This form has already \w+ <a class="text-link" href="([^"]+)">', refused.text)
        assert earlier
        assert page_client.get(earlier.group(1)).status_code == 200
        for typed in ("Second typed", *(second_form[name] for name in ("slug", "email") if name in more)):
            assert f'value="{typed}"' in refused.text
        new_key = re.search(r'name="key" value="([^"]+)"', refused.text)
        assert new_key
        assert len(new_key.group(1)) >= 22
        assert page_client.post(path, second_form | {"key": new_key.group(1)}).status_code == 303


def list_leaves(is_marked: Callable[[str], bool]) -> Iterator[str]:
    """List the templates that are marked or extend a marked one, without those that are only extended or imported."""
    texts = {str(path.relative_to(TEMPLATES)): path.read_text(encoding="utf-8") for path in TEMPLATES.rglob("*.html")}
    outlines = {name: match.group(1) for name, text in texts.items() if (match := EXTENDS.match(text))}
    for name in texts:
        lineage = [name]
        while lineage[-1] in outlines:
            lineage.append(outlines[lineage[-1]])
        is_leaf = len(lineage) > 1 and name not in outlines.values()
        if is_leaf and any(is_marked(texts[ancestor]) for ancestor in lineage):
            yield name


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
    def test_says_one_sentence(self, shared_api: ApiDriver, path: str, status: int) -> None:
        response = PageClient(shared_api, "member").get(path)
        assert response.status_code == status
        assert response.headers["content-type"].startswith("text/html")
        assert "zqx" not in response.text.replace(path, "").replace("next=", "")

    def test_a_role_that_may_not(self, shared_api: ApiDriver) -> None:
        link = PageClient(shared_api, "analyst").get("/links")
        assert link.status_code == 403
        assert "Your roles do not allow this" in link.text

    def test_an_unknown_address_stays_json_for_programs(self, shared_api: ApiDriver) -> None:
        assert shared_api.client.get("/nowhere").headers["content-type"] == "application/problem+json"
        browser = {"Accept": "text/html"}
        assert (
            shared_api.client.get("/v1/nowhere", headers=browser).headers["content-type"] == "application/problem+json"
        )

    def test_somebody_elses_link_is_not_there(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link("Manager's", "manager")
        position_before = find_last_position(shared_api)
        page_client = PageClient(shared_api, "member")
        for action in ("disable", "enable", "delete"):
            assert page_client.post(f"/links/{link['id']}/{action}").status_code == 404
        assert page_client.get(f"/links/{link['id']}/delete").status_code == 404
        assert find_last_position(shared_api) == position_before


class TestStaticFiles:
    """`/static/{hash}/…`."""

    def test_are_kept_for_ever_under_their_hash(self, shared_api: ApiDriver) -> None:
        assert len(load_files().contents) > 10
        for name, content in load_files().contents.items():
            response = shared_api.client.get(build_static_url(name))
            assert response.content == content
            assert "immutable" in response.headers["cache-control"]

    def test_are_not_kept_under_another_hash(self, shared_api: ApiDriver) -> None:
        response = shared_api.client.get("/static/000000000000/css/app.css")
        assert response.headers["cache-control"] == "no-cache"

    @pytest.mark.parametrize("name", ["nothing.js", "../../pyproject.toml", "..%2f..%2fpyproject.toml", "css", ""])
    def test_nothing_else_is_served(self, shared_api: ApiDriver, name: str) -> None:
        assert shared_api.client.get(f"/static/000000000000/{name}").status_code == 404

    def test_the_icon_is_where_browsers_look(self, shared_api: ApiDriver) -> None:
        assert shared_api.client.get("/favicon.ico").headers["content-type"] == "image/svg+xml"
