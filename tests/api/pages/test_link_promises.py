"""Links that keep their promise: single-use only, lifetimes, an expiry of one's own, and only for the recipient."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.api.pages.page_client import PageClient
from tests.api.refusals import assert_problem, fetch_list
from tests.api_driver import GUEST, ApiDriver

GRACE = {"name": "Grace Guest", "email": "grace@guest.example"}


@pytest.fixture
def link(shared_api: ApiDriver) -> Any:
    """A core link of its own for each test."""
    return shared_api.create_link("Promises")


def assert_refused_field(response: Any, code: str, field: str) -> None:
    """Assert that a refusal names this field."""
    errors = assert_problem(response, 422, code)["errors"]
    assert [error["field"] for error in errors] == [field]


def change_link(api: ApiDriver, link: Any, **changes: Any) -> Any:
    """Change a link as its owner."""
    return api.patch(f"/v1/links/{link['id']}", changes, "member")


def issue_one(api: ApiDriver, link: Any, **body: Any) -> Any:
    """Issue one single-use link."""
    return api.post(f"/v1/links/{link['id']}/single-use", body, "member", 201)["items"][0]


def refuse(api: ApiDriver, link: Any, field: str, **body: Any) -> None:
    """Assert that issuing is refused, and that the refusal names the field."""
    response = api.send_request("POST", f"/v1/links/{link['id']}/single-use", body, "member")
    assert_refused_field(response, "invalid", field)


def format_instant(api: ApiDriver, **later: int) -> str:
    """An instant from now on, as the API writes it."""
    at = (api.services.clock() + timedelta(**later)).replace(microsecond=0)
    return at.isoformat().replace("+00:00", "Z")


def read_status(api: ApiDriver, single_use_link: Any) -> tuple[str, str | None]:
    """The status and expiry of a single-use link."""
    row = api.get(f"/v1/single-use/{single_use_link['id']}", "member")
    return row["status"], row["expires_at"]


class TestSingleUseOnly:
    """`single_use_only`: the core link's own URL books nothing."""

    def test_refuses_guests_at_its_own_url_alone(self, shared_api: ApiDriver, link: Any) -> None:
        api = shared_api
        unused = issue_one(api, link)
        [start, *_] = api.list_slots(link["slug"])
        assert change_link(api, link, single_use_only=True)["single_use_only"] is True
        slots = "from=2026-01-01&to=2026-01-02&time_zone=UTC"
        for path in (link["slug"], f"{link['slug']}/slots?{slots}", f"{link['slug']}/challenge"):
            assert_problem(api.send_request("GET", f"/v1/book/{path}"), 410, "link_single_use_only")
        body = {"start": start, "guest": GUEST}
        assert_problem(api.send_request("POST", f"/v1/book/{link['slug']}", body), 410, "link_single_use_only")
        page = api.client.get(f"/book/{link['slug']}")
        assert page.status_code == 410
        assert "Please ask whoever sent it to you for a link of your own." in page.text
        assert api.client.post(f"/book/{link['slug']}", data={}).status_code in (410, 422)
        assert api.book_meeting(unused["code"], start)["booking"]["status"] == "scheduled"

    def test_names_the_contact_of_the_organisation(self, shared_api: ApiDriver, link: Any) -> None:
        api = shared_api
        change_link(api, link, single_use_only=True)
        api.patch("/v1/organisation", {"support_contact": "hello@nexora.example"}, "admin")
        response = api.send_request("GET", f"/v1/book/{link['slug']}")
        assert response.json()["detail"].endswith("You can also write to hello@nexora.example.")
        assert "hello@nexora.example" in api.client.get(f"/book/{link['slug']}").text
        api.patch("/v1/organisation", {"support_contact": None}, "admin")

    def test_a_booking_from_before_can_be_repeated_moved_and_not_booked_anew(
        self, shared_api: ApiDriver, link: Any
    ) -> None:
        api = shared_api
        [start, later, *_] = api.list_slots(link["slug"])
        booking = api.book_meeting(link["slug"], start, Idempotency_Key="a" * 32)
        change_link(api, link, single_use_only=True)
        assert api.book_meeting(link["slug"], start, Idempotency_Key="a" * 32) == booking
        code = booking["manage_url"].rpartition("/")[2]
        api.post(f"/v1/manage/{code}/reschedule", {"start": later})
        api.post(f"/v1/manage/{code}/cancel", {})
        assert f"/book/{link['slug']}" not in api.client.get(f"/m/{code}").text

    def test_managed_links_give_it_to_each_host(self, shared_api: ApiDriver) -> None:
        api = shared_api
        body = {
            "name": "Promised",
            "slug": "promised",
            "meeting_type_id": api.ids["type"],
            "host_ids": [api.ids["member"]],
            "single_use_only": True,
            "default_lifetime_days": 5,
        }
        managed = api.post("/v1/managed-links", body, "manager", 201)
        [host_link] = fetch_list(api, f"/v1/managed-links/{managed['id']}/links", "manager")["items"]
        assert (managed["single_use_only"], managed["default_lifetime_days"]) == (True, 5)
        assert (host_link["single_use_only"], host_link["default_lifetime_days"]) == (True, 5)
        assert_problem(api.send_request("GET", f"/v1/book/{host_link['slug']}"), 410, "link_single_use_only")
        changes = {"single_use_only": False, "default_lifetime_days": None}
        changed = api.patch(f"/v1/managed-links/{managed['id']}", changes, "manager")
        assert (changed["single_use_only"], changed["default_lifetime_days"]) == (False, None)
        assert api.get(f"/v1/book/{host_link['slug']}")["kind"] == "managed"


class TestExpiry:
    """The earliest of a link's own expiry, its lifetime and its core link's expiry holds, as they are now."""

    def test_the_lifetime_is_inherited_live(self, shared_api: ApiDriver, link: Any) -> None:
        api = shared_api
        change_link(api, link, default_lifetime_days=2)
        unused = issue_one(api, link)
        first_expiry = unused["expires_at"]
        assert first_expiry is not None
        assert api.get(f"/v1/book/{unused['code']}")["expires_at"] == first_expiry
        change_link(api, link, default_lifetime_days=9)
        status, second_expiry = read_status(api, unused)
        assert status == "active"
        assert second_expiry is not None
        assert second_expiry[:10] > first_expiry[:10]
        assert second_expiry[10:] == first_expiry[10:]  # days of 24 hours
        change_link(api, link, default_lifetime_days=None)
        assert read_status(api, unused) == ("active", None)

    def test_the_earliest_holds_and_ends_the_link(self, shared_api: ApiDriver, link: Any) -> None:
        api = shared_api
        own, core = format_instant(api, hours=30), format_instant(api, days=4)
        change_link(api, link, expires_at=core, default_lifetime_days=2)
        early, late = issue_one(api, link, expires_at=own, label="early"), issue_one(api, link)
        assert early["expires_at"] == own
        assert own < late["expires_at"] < core
        [start, *_] = api.list_slots(early["code"])
        with api.clock.stop_at(api.clock() + timedelta(hours=31)):
            for method, body in (("GET", None), ("POST", {"start": start, "guest": GUEST})):
                response = api.send_request(method, f"/v1/book/{early['code']}", body)
                assert_problem(response, 410, "link_expired")
            assert read_status(api, early) == ("expired", own)
            assert read_status(api, late)[0] == "active"
            path = f"/v1/single-use?link_id={link['id']}"
            assert [row["id"] for row in fetch_list(api, f"{path}&status=expired", "member")["items"]] == [early["id"]]
            assert [row["id"] for row in fetch_list(api, f"{path}&status=active", "member")["items"]] == [late["id"]]
            counts = api.get(f"/v1/links/{link['id']}", "member")["single_use"]
            assert counts == {"issued": 2, "active": 1, "booked": 0}
        assert read_status(api, early)[0] == "active"

    def test_past_and_beyond_are_refused(self, shared_api: ApiDriver, link: Any) -> None:
        api = shared_api
        refuse(api, link, "expires_at", expires_at=format_instant(api, minutes=-1))
        refuse(api, link, "expires_at", expires_at="tomorrow")
        change_link(api, link, default_lifetime_days=1)
        refuse(api, link, "expires_at", expires_at=format_instant(api, days=2))
        change_link(api, link, default_lifetime_days=None, expires_at=format_instant(api, days=3))
        refuse(api, link, "expires_at", expires_at=format_instant(api, days=4))
        assert issue_one(api, link, expires_at=format_instant(api, days=2))["status"] == "active"

    @pytest.mark.parametrize("days", [0, 3651, 1.5, "7", True])
    def test_a_wrong_lifetime_names_its_field(self, shared_api: ApiDriver, link: Any, days: Any) -> None:
        response = shared_api.send_request(
            "PATCH", f"/v1/links/{link['id']}", {"default_lifetime_days": days}, "member"
        )
        assert_refused_field(response, "invalid", "default_lifetime_days")

    def test_a_repeated_issue_answers_after_the_expiry_too(self, shared_api: ApiDriver, link: Any) -> None:
        api = shared_api
        path, body = f"/v1/links/{link['id']}/single-use", {"expires_at": format_instant(api, hours=1)}
        [first] = api.post(path, body, "member", 201, Idempotency_Key="k" * 32)["items"]
        with api.clock.stop_at(api.clock() + timedelta(hours=2)):
            [again] = api.post(path, body, "member", 201, Idempotency_Key="k" * 32)["items"]
        assert again == first


class TestOnlyRecipient:
    """`only_recipient`: nobody but the recipient, by their address, may book."""

    def test_another_address_is_refused_and_the_link_stays_usable(self, shared_api: ApiDriver, link: Any) -> None:
        api = shared_api
        only = issue_one(api, link, recipients=[GRACE], only_recipient=True, locale="pt-BR")
        assert (only["only_recipient"], only["locale"]) == (True, "pt-BR")
        offer = api.get(f"/v1/book/{only['code']}")
        assert (offer["recipient"], offer["only_recipient"]) == (GRACE, True)
        [start, *_] = api.list_slots(only["code"])
        path, stranger = f"/v1/book/{only['code']}", {**GUEST, "email": "mallory@guest.example"}
        response = api.send_request("POST", path, {"start": start, "guest": stranger})
        assert_refused_field(response, "not_the_recipient", "guest.email")
        form = {"key": "", "start": start, "time_zone": "UTC", "name": "Mallory", "email": "mallory@guest.example"}
        assert read_status(api, only)[0] == "active"
        assert api.client.post(f"/s/{only['code']}", data=form).status_code == 422
        recipient = {**GUEST, "email": "GRACE@guest.example"}
        assert api.post(path, {"start": start, "guest": recipient}, None, 201)["booking"]["guest"]["name"]

    def test_is_for_nobody_once_erased(self, shared_api: ApiDriver, link: Any) -> None:
        api = shared_api
        gone = {"name": "Gone", "email": "gone@guest.example"}
        only = issue_one(api, link, recipients=[gone], only_recipient=True)
        [start, *_] = api.list_slots(only["code"])
        api.post("/v1/erasures", {"email": gone["email"]}, "admin", 201)
        response = api.send_request("POST", f"/v1/book/{only['code']}", {"start": start, "guest": {**GUEST, **gone}})
        assert_refused_field(response, "not_the_recipient", "guest.email")
        assert api.get(f"/v1/book/{only['code']}")["recipient"] is None

    def test_needs_an_address_for_each(self, shared_api: ApiDriver, link: Any) -> None:
        refuse(shared_api, link, "only_recipient", only_recipient=True)
        refuse(shared_api, link, "only_recipient", only_recipient=True, recipients=[GRACE, {"name": "Nameless"}])
        refuse(shared_api, link, "locale", locale="Portuguese")


class TestPrefill:
    """A known recipient is filled into the form of whoever has the code."""

    def test_name_and_address_stand_in_the_form(self, shared_api: ApiDriver, link: Any) -> None:
        api = shared_api
        link_for_grace = issue_one(api, link, recipients=[GRACE], only_recipient=True)
        page = api.client.get(f"/s/{link_for_grace['code']}").text
        assert 'value="Grace Guest"' in page
        assert 'value="grace@guest.example"' in page
        assert "Only this address can book with this link." in page
        assert 'value="Grace' not in api.client.get(f"/book/{link['slug']}").text
        other = {"name": "Mallory", "email": ""}
        sent = api.client.post(f"/s/{link_for_grace['code']}", data=other).text
        assert 'value="Mallory"' in sent
        assert 'value="grace@guest.example"' not in sent


class TestPages:
    """The pages of a link: its form, and what they offer to copy."""

    def test_the_form_changes_both_and_says_what_follows(self, shared_api: ApiDriver, link: Any) -> None:
        api, page_client = shared_api, PageClient(shared_api, "member")
        issue_one(api, link)
        path = f"/links/{link['id']}/edit"
        form = {"name": link["name"], "slug": link["slug"], "meeting_type_id": api.ids["type"], "version": "1"}
        changed = {**form, "single_use_only": "on", "default_lifetime_days": "1"}
        preview = page_client.get(f"{path}?{urlencode(changed)}").text
        assert "can no longer book there; single-use links still do" in preview
        assert "will expire 1 day after they were issued" in preview
        for wrong in ("soon", "0", "3651"):
            refused_page = page_client.post(path, {**form, "default_lifetime_days": wrong})
            assert refused_page.status_code == 422
            assert f'value="{wrong}"' in refused_page.text
            assert 'id="default_lifetime_days-error"' in refused_page.text
        assert page_client.post(path, changed).status_code == 303
        row = api.get(f"/v1/links/{link['id']}", "member")
        assert (row["single_use_only"], row["default_lifetime_days"]) == (True, 1)
        edit_page = page_client.get(path).text
        assert 'name="single_use_only" value="on" checked' in edit_page
        link_page = page_client.get(f"/links/{link['id']}").text
        assert "Copy Single-Use Link</button>" in link_page
        assert f'data-copy="{row["url"]}"' not in link_page

    def test_shares_a_link_by_qr_code_and_snippet(self, shared_api: ApiDriver, link: Any) -> None:
        api, issuer = shared_api, PageClient(shared_api, "member")
        one = issue_one(api, link)
        path = f"/links/{link['id']}/single-use/{one['id']}"
        assert 'alt="QR code of the single-use link for anybody"' in issuer.get(path).text
        assert issuer.get(f"{path}/qr.svg").text.startswith("<?xml")
        image = issuer.get(f"{path}/qr.png?download=1")
        assert image.content.startswith(b"\x89PNG")
        assert "attachment" in image.headers["content-disposition"]
        snippet = issuer.get(f"{path}/snippet?time_zone=Asia/Tokyo").json()
        assert snippet["html"].count("<li>") == 3
        assert one["url"] in snippet["text"]
        assert "Asia%2FTokyo" in snippet["text"] or "Asia/Tokyo" in snippet["text"]
        [start] = re.findall(r"start=([^&\s]+)", snippet["text"])[:1]
        page = api.client.get(f"/s/{one['code']}?time_zone=Asia/Tokyo&start={start}").text
        assert 'data-step="details"' in page
        assert PageClient(api, "manager").get(f"{path}/qr.svg").status_code == 403
