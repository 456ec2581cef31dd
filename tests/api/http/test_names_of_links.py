"""A member never learns the name of a link that is not theirs: every address of the service, pages and API alike."""

from dataclasses import dataclass
from typing import Any

import pytest

from api.app import build_app
from api.settings import Settings
from tests.api.pages.page_client import OWN_ORIGIN, PageClient, extract_text
from tests.api.pages.test_every_route import iterate_routes
from tests.api.refusals import fetch_list
from tests.api_driver import ApiDriver

NAME, SLUG = "Quokka dismissals", "quokka-dismissals"
ENDLESS = ("/v1/read-models/progress", "/static/", "/sign-out", "/book/", "/v1/book/", "/s/", "/m/", "/v1/manage/")
REQUESTS = sorted(
    {
        (route.path, method)
        for route in iterate_routes(build_app(Settings.model_construct()).routes)
        for method in route.methods or ()
        if not route.path.startswith(ENDLESS) and method != "HEAD"
    }
)


@dataclass(frozen=True)
class ForeignLink:
    """What a member may know of somebody else's link: the ids that a URL shows."""

    link: Any
    single_use_id: str
    booking_id: str


@pytest.fixture(scope="module")
def foreign(shared_api: ApiDriver) -> ForeignLink:
    """A private link of the manager's with a single-use link and a booking; its lists are up to date."""
    link = shared_api.create_link(NAME, "manager", slug=SLUG)
    [token] = shared_api.post(f"/v1/links/{link['id']}/single-use", {}, "manager", 201)["items"]
    booking = shared_api.book_meeting(SLUG, shared_api.list_slots(SLUG)[0])["booking"]
    assert fetch_list(shared_api, "/v1/meeting-log", "manager")["items"]
    return ForeignLink(link, token["id"], booking["id"])


def fill_path(path: str, foreign: ForeignLink) -> list[str]:
    """List the addresses of a route with each id in each place."""
    ids = (foreign.link["id"], foreign.single_use_id, foreign.booking_id)
    if "{id}" in path and "{token}" in path:
        return [path.replace("{id}", foreign.link["id"]).replace("{token}", foreign.single_use_id)]
    if "{" not in path:
        return [path]
    return ["/".join(id if part.startswith("{") else part for part in path.split("/")) for id in ids]


def test_there_is_something_to_learn(shared_api: ApiDriver, foreign: ForeignLink) -> None:
    for who in ("manager", "analyst"):
        page = PageClient(shared_api, who).get(f"/meeting-log?link_id={foreign.link['id']}")
        assert f"Only {NAME}" in extract_text(page)


def test_no_address_tells_it(shared_api: ApiDriver, foreign: ForeignLink) -> None:
    page_client, telling = PageClient(shared_api, "member"), []
    for path, method in REQUESTS:
        for address in fill_path(path, foreign):
            response = page_client.client.request(
                method, address, headers=OWN_ORIGIN, data={} if method == "POST" else None
            )
            if has_name(response.text, str(response.headers)):
                telling.append((method, address))
    assert telling == []


def test_no_filter_tells_it(shared_api: ApiDriver, foreign: ForeignLink) -> None:
    page_client, telling = PageClient(shared_api, "member"), []
    values = {"link_id": foreign.link["id"], "q": "quokka", "group_by": "link"}
    values |= {"host_id": shared_api.ids["manager"], "issued_by": shared_api.ids["manager"]}
    addresses = [path for path, method in REQUESTS if method == "GET" and "{" not in path]
    for address in addresses:
        for name, value in values.items():
            text = page_client.get(f"{address}?{name}={value}").text
            if has_name(text.replace("quokka", "") if name == "q" else text, ""):  # the search is repeated
                telling.append(f"{address}?{name}={value}")
    assert telling == []
    for id in ("00000000-0000-0000-0000-000000000000", foreign.link["id"]):
        assert "Only an unknown link" in extract_text(page_client.get(f"/meeting-log?link_id={id}"))


def test_a_taken_slug_says_no_more_than_that(shared_api: ApiDriver, foreign: ForeignLink) -> None:
    page_client = PageClient(shared_api, "member")
    form = {"name": "Mine", "slug": SLUG, "meeting_type_id": shared_api.ids["type"]}
    for response in (
        page_client.post("/links/new/properties", form),
        page_client.client.post("/v1/links", json=form, headers=OWN_ORIGIN),
    ):
        assert "Another link already has this slug" in response.text
        assert NAME not in response.text


def has_name(text: str, headers: str) -> bool:
    """Whether an answer tells the link's name or slug."""
    return "quokka" in text.casefold() or "quokka" in headers.casefold()
