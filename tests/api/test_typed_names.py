"""What a guest typed turns no text and makes no link: on every page, in CSV, mails, calendars and on the terminal."""

import re
from datetime import timedelta
from io import StringIO

import pytest
from rich.console import Console

from api.cli.history import print_events
from api.clock import read_clock
from integrations.plain_text import DIRECTION_CHARACTER
from replay.history import event_history
from tests.api.pages.page_client import PageClient, extract_text
from tests.api.pages.test_every_route import LOOKS
from tests.api.refusals import fetch_list
from tests.api_driver import GUEST, ApiDriver, extract_code

NAME = "\u202eeil\u202c\u2066 https://evil.example/win \u202e 👩‍👩‍👧"
NOTES = "first\u202e line\n\u2067second"
LABEL = "\u202ebal\u200f"
FORM_VALUE = re.compile(r' value="[^"]*"|<textarea.*?</textarea>', re.DOTALL)


@pytest.fixture(scope="module")
def booking(shared_api: ApiDriver) -> dict[str, str]:
    """A meeting that such a guest booked on a single-use link of a person with such a name, and cancelled."""
    api = shared_api
    api.patch(f"/v1/people/{api.ids['member']}", {"name": "\u202eJulio"}, "admin")
    questions = [{"key": "goal", "label": f"Goal{LABEL}", "kind": "short"}]
    api.patch(f"/v1/meeting-types/{api.ids['type']}", {"questions": questions}, "admin")
    api.patch("/v1/organisation", {"name": f"Organisation{LABEL}"}, "admin")
    day = str((read_clock() + timedelta(days=9)).date())
    api.patch("/v1/me", {"absences": [{"from": day, "to": day, "message": f"Away{LABEL}"}]}, "member")
    team = {"name": f"Team{LABEL}", "members": [{"person_id": api.ids["engineer"]}]}
    team_id = api.post("/v1/teams", team, "manager", 201)["id"]
    link = api.create_link("Link \u2066name", "member", slug="typed")
    body = {"recipients": [{"name": NAME, "email": "a@b.example"}], "label": LABEL}
    [token] = api.post(f"/v1/links/{link['id']}/single-use", body, "member", 201)["items"]
    request = {
        "start": api.list_slots("typed")[0],
        "guest": GUEST | {"name": NAME},
        "notes": NOTES,
        "answers": {"goal": NAME},
    }
    booked = api.post(f"/v1/book/{token['code']}", request, None, 201)
    code = extract_code(booked["manage_url"])
    ics = api.client.get(f"/m/{code}/meeting.ics").text
    assert fetch_list(api, "/v1/meeting-log", "manager")["items"][0]["guest"]["name"] == NAME  # as it was typed
    feed = api.client.get(api.post("/v1/me/calendar-feed", None, "member", 201)["url"]).text
    api.post(f"/v1/manage/{code}/cancel", {"reason": NOTES})
    fetch_list(api, "/v1/meeting-log", "manager")
    ids = {"id": booked["booking"]["id"], "link": link["id"], "team": team_id, "token": token["code"], "slug": "typed"}
    return {**ids, "code": code, "ics": ics, "feed": feed}


def find_direction(text: str) -> str | None:
    """Find a character of direction with what stands around it; None when there is none."""
    match = DIRECTION_CHARACTER.search(text)
    return text[max(0, match.start() - 80) : match.end() + 40] if match else None


def test_every_page(shared_api: ApiDriver, booking: dict[str, str]) -> None:
    page_client, shown_count = PageClient(shared_api, "admin"), 0
    for path in LOOKS:
        names = ("id", "link", "code", "team", "slug", "token")
        for id in (*(booking[name] for name in names), shared_api.ids["member"], shared_api.ids["type"]):
            address = path.replace("{token}", booking["id"])
            address = "/".join(id if part.startswith("{") else part for part in address.split("/"))
            response = page_client.get(address)
            if response.headers.get("content-type", "").startswith("text/html"):  # an export of events is exact
                assert find_direction(FORM_VALUE.sub("", response.text)) is None, address
            shown_count += "evil.example" in response.text
            if "{" not in path:
                break
    assert shown_count >= 4


def test_a_form_sends_what_was_typed(shared_api: ApiDriver, booking: dict[str, str]) -> None:
    page = PageClient(shared_api, "admin").get(f"/links/{booking['link']}/edit").text
    assert 'value="Link \u2066name"' in page
    search = PageClient(shared_api, "admin").get("/meeting-log?q=\u202ex").text
    assert 'value="\u202ex"' in search


def test_a_notice_says_it_without_direction(shared_api: ApiDriver, booking: dict[str, str]) -> None:
    page_client = PageClient(shared_api, "member")
    body = {"recipients": [{"name": NAME}]}
    [token] = shared_api.post(f"/v1/links/{booking['link']}/single-use", body, "member", 201)["items"]
    page_client.post(f"/links/{booking['link']}/single-use/{token['id']}/revoke", {"reason": "", "back": "/links"})
    notice = " ".join(extract_text(page_client.get("/links")).split())
    assert "Revoked the single-use link for eil https://evil.example/win 👩‍👩‍👧." in notice


def test_csv(shared_api: ApiDriver, booking: dict[str, str]) -> None:
    text = PageClient(shared_api, "admin").get("/meeting-log.csv").text
    assert "evil.example" in text
    assert find_direction(text) is None


def test_calendars(shared_api: ApiDriver, booking: dict[str, str]) -> None:
    for text in (booking["ics"], booking["feed"]):
        assert find_direction(text) is None
        unfolded = text.replace("\r\n ", "")
        names = re.findall(r'CN="?([^";:]*)', unfolded)
        assert names
        assert not [name for name in names if re.search(r"[:/@]|\.\w", name)]
        [title] = re.findall(r"SUMMARY:(.*)", unfolded)
        assert not re.search(r"://|\.\w", title)
    assert "eil https evil. example win" in booking["feed"].replace("\r\n ", "")


def test_the_terminal(shared_api: ApiDriver, booking: dict[str, str]) -> None:
    console = Console(record=True, width=200, file=StringIO())
    page = event_history.list_stream_events(shared_api.services.database, booking["id"], 50)  # type: ignore[arg-type]
    assert page
    print_events(page.items, console)
    assert find_direction(console.export_text()) is None
