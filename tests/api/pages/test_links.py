"""The pages of links without a browser: who sees and may do what, forms that lose nothing, and single-use links."""

import re
from typing import Any

import httpx2
import pytest

from tests.api.pages.page_client import PageClient, extract_text
from tests.api.refusals import find_last_position
from tests.api_driver import ApiDriver

ISSUED = "/s/"


def read_page(page_client: PageClient, path: str) -> str:
    """A page that is shown, as the log is now."""
    page_client.client.cookies.set("oncelink_position", str(find_last_position(page_client.api)))
    response = page_client.get(path)
    assert response.status_code == 200, response.text[-800:]
    return response.text


def create_managed_link(api: ApiDriver, slug: str, *hosts: str) -> Any:
    """A new managed link of the manager."""
    ids = [api.ids[host] for host in hosts]
    body = {"name": f"Managed {slug}", "slug": slug, "meeting_type_id": api.ids["type"], "host_ids": ids}
    return api.post("/v1/managed-links", body, "manager", 201)


def list_host_links(api: ApiDriver, managed: Any) -> list[Any]:
    """The hosts' links of a managed link."""
    managed_page = api.send_request(
        "GET",
        f"/v1/managed-links/{managed['id']}/links",
        who="manager",
        Oncelink_Min_Position=str(find_last_position(api)),
    )
    return managed_page.json()["items"]  # type: ignore[no-any-return]


def issue_link(api: ApiDriver, link: Any, who: str = "member", **body: Any) -> Any:
    """A new single-use link."""
    return api.post(f"/v1/links/{link['id']}/single-use", body, who, 201)["items"][0]


def build_wizard_form(api: ApiDriver, **fields: Any) -> dict[str, Any]:
    """What the wizard's second step sends."""
    return {"meeting_type_id": api.ids["type"], "key": "k" * 24, "name": "Made", **fields}


class TestWhoSeesALink:
    """`/links/{id}`."""

    def test_its_owner_with_everything(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link("Owned")
        page = read_page(PageClient(shared_api, "member"), f"/links/{link['id']}")
        assert f'href="/links/{link["id"]}/edit"' in page
        assert f"/links/{link['id']}/delete" in page
        assert "published the link" in page

    def test_a_manager_too(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link("Owned by a member")
        page = read_page(PageClient(shared_api, "manager"), f"/links/{link['id']}")
        assert f'href="/links/{link["id"]}/edit"' in page
        assert "All Links" in page

    def test_an_auditor_reads(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link("Audited")
        page_client = PageClient(shared_api, "auditor")
        page = read_page(page_client, f"/links/{link['id']}")
        assert "/edit" not in page
        assert "data-split" not in page
        assert f'href="/history/{link["id"]}"' in page
        assert page_client.get(f"/links/{link['id']}/edit").status_code == 403

    def test_a_member_sees_and_copies_links_of_the_library_only(self, shared_api: ApiDriver) -> None:
        link, hidden = shared_api.create_link("Shared", in_library=True), shared_api.create_link("Hidden")
        page_client = PageClient(shared_api, "engineer")
        page = read_page(page_client, f"/links/{link['id']}")
        assert "/edit" not in page
        assert "data-split" in page
        assert "shares this link in the library" in page
        assert page_client.get(f"/links/{link['id']}/edit").status_code == 403
        assert page_client.get(f"/links/{hidden['id']}").status_code == 404
        assert page_client.get("/links/zqx").status_code == 404

    def test_a_host_of_a_managed_link_is_told_why_it_cannot_be_edited(self, shared_api: ApiDriver) -> None:
        managed = create_managed_link(shared_api, "why-not", "member")
        [link] = list_host_links(shared_api, managed)
        page_client = PageClient(shared_api, "member")
        page = read_page(page_client, f"/links/{link['id']}")
        assert "belongs to a managed link" in page
        assert "data-split" in page
        response = page_client.get(f"/links/{link['id']}/edit")
        assert response.status_code == 403
        assert "a manager changes it there, for all its hosts at once" in response.text
        position_before = find_last_position(shared_api)
        assert page_client.post(f"/links/{link['id']}/edit", build_wizard_form(shared_api, slug="x")).status_code == 403
        assert find_last_position(shared_api) == position_before
        on = PageClient(shared_api, "manager").get(f"/links/{link['id']}/edit")
        assert on.headers["location"] == f"/management/managed/{managed['id']}/edit"

    @pytest.mark.parametrize("path", ["/management/links", "/management/managed", "/management/managed/new"])
    def test_link_management_is_for_managers(self, shared_api: ApiDriver, path: str) -> None:
        assert PageClient(shared_api, "member").get(path).status_code == 403
        assert PageClient(shared_api, "manager").get(path).status_code == 200
        assert PageClient(shared_api, "auditor").get(path).status_code == (403 if path.endswith("new") else 200)

    def test_an_auditor_reads_managed_links_and_changes_none(self, shared_api: ApiDriver) -> None:
        managed = create_managed_link(shared_api, "only-read", "member")
        page_client = PageClient(shared_api, "auditor")
        assert "data-split" not in read_page(page_client, f"/management/managed/{managed['id']}")
        assert page_client.get(f"/management/managed/{managed['id']}/edit").status_code == 403
        assert page_client.post(f"/management/managed/{managed['id']}/edit").status_code == 403


class TestSingleUseLinks:
    """Of a link, on its page."""

    def test_show_their_code_to_who_issued_them_only(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link("Two issuers", in_library=True)
        own_link, other_issued_link = issue_link(shared_api, link), issue_link(shared_api, link, "engineer")
        owner, engineer = PageClient(shared_api, "member"), PageClient(shared_api, "engineer")
        page = read_page(owner, f"/links/{link['id']}")
        assert own_link["url"] in page
        assert other_issued_link["url"] not in page
        assert f"single-use-{other_issued_link['id']}" in page
        page = read_page(engineer, f"/links/{link['id']}")
        assert other_issued_link["url"] in page
        assert f"single-use-{own_link['id']}" not in page
        path = f"/links/{link['id']}/single-use/"
        assert own_link["url"] in read_page(owner, path + own_link["id"])
        assert "Only Engineer, who issued it" in read_visible_text(owner, path + other_issued_link["id"])
        assert engineer.get(path + own_link["id"]).status_code == 404

    def test_say_when_and_by_whom_they_were_booked(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link("Booked by a guest")
        single_use_link = issue_link(shared_api, link, recipients=[{"name": "Ada Lovelace"}], label="Fair")
        shared_api.book_meeting(single_use_link["code"], shared_api.list_slots(single_use_link["code"])[0])
        page_client = PageClient(shared_api, "member")
        page = read_visible_text(page_client, f"/links/{link['id']}")
        assert re.search(r"Ada Lovelace Fair Booked .* by Member .* by Grace Guest, for", page)
        assert single_use_link["url"] not in read_page(page_client, f"/links/{link['id']}")
        assert "booked" in read_visible_text(page_client, f"/links/{link['id']}/single-use/{single_use_link['id']}")
        assert page_client.get(f"/links/{link['id']}/single-use/{single_use_link['id']}/revoke").status_code == 409

    def test_are_hidden_behind_no_other_link(self, shared_api: ApiDriver) -> None:
        link, other_link = shared_api.create_link("One"), shared_api.create_link("Another")
        single_use_link = issue_link(shared_api, link)
        page_client = PageClient(shared_api, "member")
        assert page_client.get(f"/links/{other_link['id']}/single-use/{single_use_link['id']}").status_code == 404
        assert (
            page_client.post(f"/links/{other_link['id']}/single-use/{single_use_link['id']}/revoke").status_code == 404
        )

    def test_are_filtered_by_state_issuer_and_words(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link("Filtered", in_library=True)
        ada = issue_link(shared_api, link, recipients=[{"name": "Ada Filter"}])
        bob = issue_link(shared_api, link, "manager", recipients=[{"name": "Bob Filter"}])
        shared_api.post(f"/v1/single-use/{bob['id']}/revoke", {}, "manager")
        page_client = PageClient(shared_api, "member")

        def find_shown_names(query: str) -> set[str]:
            page = read_page(page_client, f"/links/{link['id']}?{query}")
            return {
                name
                for name, single_use_link in (("ada", ada), ("bob", bob))
                if f"single-use-{single_use_link['id']}" in page
            }

        assert find_shown_names("") == {"ada", "bob"}
        assert find_shown_names("status=revoked") == {"bob"}
        assert find_shown_names("issued_by=me") == {"ada"}
        assert find_shown_names("q=ada+fil&status=&issued_by=") == {"ada"}
        assert find_shown_names("q=nobody") == set()

    def test_are_paged(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link("Many")
        shared_api.post(f"/v1/links/{link['id']}/single-use", {"count": 60}, "member", 201)
        page_client = PageClient(shared_api, "member")
        first_page = read_page(page_client, f"/links/{link['id']}")
        assert first_page.count('<tr id="single-use-') == 50
        assert "1–50" in first_page
        next_link = re.search(r'rel="next" href="([^"]+)"', first_page)
        assert next_link
        second_page = read_page(page_client, next_link.group(1).replace("&amp;", "&"))
        assert second_page.count('<tr id="single-use-') == 10
        assert "51–60" in second_page

    def test_a_reason_too_long_loses_nothing(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link("Reasons")
        single_use_link = issue_link(shared_api, link)
        page_client = PageClient(shared_api, "member")
        path = f"/links/{link['id']}/single-use/{single_use_link['id']}/revoke"
        long = "why " * 501
        response = page_client.post(path, {"reason": long, "back": f"/links/{link['id']}"})
        assert response.status_code == 422
        assert long.strip() in response.text
        assert page_client.post(path, {"reason": "Wrong", "back": "https://evil.example"}).headers["location"] == "/"
        assert shared_api.get(f"/v1/single-use/{single_use_link['id']}", "member")["status"] == "revoked"


class TestWizardForm:
    """What the wizard's second step sends."""

    def test_is_shown_again_with_everything_and_the_fields_that_are_wrong(self, shared_api: ApiDriver) -> None:
        page_client = PageClient(shared_api, "member")
        form = build_wizard_form(
            shared_api, name="  ", slug="Not a slug", expires_at="2026-13-01T10:00", in_library="on"
        )
        response = page_client.post("/links/new/properties", form)
        assert response.status_code == 422
        assert "There is no such day or time." in response.text
        form |= {"expires_at": "2031-01-01T10:00"}
        response = page_client.post("/links/new/properties", form | {"co_host_ids": shared_api.ids["engineer"]})
        assert response.status_code == 422
        assert {"name", "slug"} <= find_invalid_fields(response)
        for expected_text in ('value="Not a slug"', 'value="2031-01-01T10:00"', 'value="kkkkkkkkkkkkkkkkkkkkkkkk"'):
            assert expected_text in response.text
        assert is_ticked(response, shared_api.ids["engineer"])
        assert is_ticked(response, "on")

    def test_a_taken_slug_is_said_at_the_slug_with_a_free_one(self, shared_api: ApiDriver) -> None:
        shared_api.create_link("There", slug="there")
        page_client = PageClient(shared_api, "member")
        response = page_client.post("/links/new/properties", build_wizard_form(shared_api, slug="there"))
        assert response.status_code == 422
        assert find_invalid_fields(response) == {"slug"}
        assert "Another link already has this slug. “there-2” is free." in extract_text(response)
        assert 'data-value="there-2"' in response.text

    def test_makes_one_link_however_often_it_is_sent(self, shared_api: ApiDriver) -> None:
        page_client = PageClient(shared_api, "member")
        form = build_wizard_form(shared_api, name="Sent often", key="often-" * 4)
        first = page_client.post("/links/new/properties", form)
        assert first.status_code == 303
        position_before = find_last_position(shared_api)
        assert page_client.post("/links/new/properties", form).headers["location"] == first.headers["location"]
        assert find_last_position(shared_api) == position_before
        response = page_client.post("/links/new/properties", form | {"name": "Sent changed"})
        assert response.status_code == 422
        assert first.headers["location"].replace("/new/", "/") in response.text
        assert "often-often" not in response.text
        assert 'value="Sent changed"' in response.text

    def test_asks_for_the_meeting_type_first(self, shared_api: ApiDriver) -> None:
        page_client = PageClient(shared_api, "member")
        response = page_client.get("/links/new/properties?name=Kept")
        assert response.status_code == 422
        assert "Choose a meeting type." in response.text
        assert 'name="name" value="Kept"' in response.text
        assert page_client.post("/links/new/properties", {"name": "Kept"}).status_code == 422

    def test_of_a_managed_link_asks_for_hosts(self, shared_api: ApiDriver) -> None:
        page_client = PageClient(shared_api, "manager")
        form = build_wizard_form(shared_api, slug="hosted", key="m" * 24)
        response = page_client.post("/management/managed/new/properties", form)
        assert response.status_code == 422
        assert "Choose at least one host." in response.text
        hosts = {"host_ids": [shared_api.ids["member"], shared_api.ids["engineer"]]}
        created_response = page_client.post("/management/managed/new/properties", form | hosts)
        assert created_response.status_code == 303
        page = read_page(page_client, created_response.headers["location"])
        assert page.count('class="host-link"') == 2
        assert "data-copy" in page
        assert "split-more" not in page

    def test_is_for_members(self, shared_api: ApiDriver) -> None:
        position_before = find_last_position(shared_api)
        for role in ("auditor", "analyst"):
            page_client = PageClient(shared_api, role)
            assert page_client.get("/links/new").status_code == 403
            assert page_client.post("/links/new/properties", build_wizard_form(shared_api)).status_code == 403
        assert find_last_position(shared_api) == position_before


class TestChoosing:
    """People and meeting types in forms of large organisations."""

    def test_people_are_searched_and_chosen_ones_stay(self, shared_api: ApiDriver) -> None:
        for number in range(26):
            shared_api.add_person(f"crowd{number}", ["member"])
        crowd, engineer = shared_api.ids["crowd7"], shared_api.ids["engineer"]
        page_client = PageClient(shared_api, "member")
        path = f"/links/new/properties?meeting_type_id={shared_api.ids['type']}"
        page_of_all = read_page(page_client, path)
        assert "There are more people" in page_of_all
        assert page_of_all.count('name="co_host_ids"') == 24
        page_of_matches = read_page(page_client, f"{path}&who=crowd7&co_host_ids={engineer}")
        assert re.findall(r'name="co_host_ids" value="([^"]+)"( checked)?', page_of_matches) == [
            (engineer, " checked"),
            (crowd, ""),
        ]
        assert shared_api.ids["member"] not in re.findall(r'name="co_host_ids" value="([^"]+)"', page_of_all)

    def test_somebody_deactivated_is_not_offered_anew(self, shared_api: ApiDriver) -> None:
        shared_api.add_person("leaver", ["member"])
        leaver = shared_api.ids["leaver"]
        shared_api.post(f"/v1/people/{leaver}/deactivate", {}, "admin")
        page_client = PageClient(shared_api, "member")
        path = f"/links/new/properties?meeting_type_id={shared_api.ids['type']}&who=leaver"
        assert leaver not in read_page(page_client, path)
        assert leaver in read_page(page_client, f"{path}&co_host_ids={leaver}")

    def test_meeting_types_are_searched(self, shared_api: ApiDriver) -> None:
        for number in range(7):
            body = {"name": f"Kind {number}", "duration_minutes": 15}
            shared_api.post("/v1/meeting-types", body, "admin", 201)
        page_client = PageClient(shared_api, "member")
        assert 'name="what"' in read_page(page_client, "/links/new")
        page_of_matches = read_page(page_client, "/links/new?what=kind+3&name=Kept")
        assert page_of_matches.count('name="meeting_type_id"') == 1
        assert 'name="name" value="Kept"' in page_of_matches


class TestEditForm:
    """`/links/{id}/edit`."""

    def test_keeps_the_seconds_of_an_expiry_that_nobody_touched(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link("Seconds", expires_at="2031-05-06T07:08:09.123Z")
        page_client = PageClient(shared_api, "member")
        form = extract_form(page_client.get(f"/links/{link['id']}/edit"))
        assert form["expires_at"] == "2031-05-06T07:08"
        assert page_client.post(f"/links/{link['id']}/edit", form).headers["location"] == f"/links/{link['id']}"
        now = shared_api.get(f"/v1/links/{link['id']}", "member")
        assert (now["version"], now["expires_at"]) == (1, link["expires_at"])
        page_client.post(f"/links/{link['id']}/edit", form | {"name": "Renamed"})
        now = shared_api.get(f"/v1/links/{link['id']}", "member")
        assert (now["name"], now["expires_at"]) == ("Renamed", link["expires_at"])

    def test_saves_nothing_that_is_wrong(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link("Stays", slug="stays")
        page_client = PageClient(shared_api, "member")
        form = extract_form(page_client.get(f"/links/{link['id']}/edit"))
        response = page_client.post(f"/links/{link['id']}/edit", form | {"name": "", "slug": "ü"})
        assert response.status_code == 422
        assert {"name", "slug"} <= find_invalid_fields(response)
        owner = form | {"co_host_ids": shared_api.ids["member"]}
        response = page_client.post(f"/links/{link['id']}/edit", owner)
        assert response.status_code == 422
        assert "The link&#39;s owner is its host already." in response.text
        assert shared_api.get(f"/v1/links/{link['id']}", "member")["version"] == 1

    def test_a_stale_version_changes_nothing_until_it_is_chosen(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link("Stale")
        page_client = PageClient(shared_api, "member")
        form = extract_form(page_client.get(f"/links/{link['id']}/edit"))
        shared_api.patch(f"/v1/links/{link['id']}", {"in_library": True}, "manager")
        position_before = find_last_position(shared_api)
        response = page_client.post(f"/links/{link['id']}/edit", form | {"name": "Mine", "slug": "mine-too"})
        assert response.status_code == 412
        assert find_last_position(shared_api) == position_before
        assert "Manager changed the link" in extract_text(response)
        sent_form = extract_form(response)
        assert sent_form["version"] == "2"
        assert (sent_form["name"], sent_form["slug"], sent_form["in_library"]) == ("Mine", "mine-too", "on")
        assert page_client.post(f"/links/{link['id']}/edit", sent_form).status_code == 303
        now = shared_api.get(f"/v1/links/{link['id']}", "member")
        assert (now["name"], now["in_library"], now["version"]) == ("Mine", True, 3)

    def test_the_very_same_edit_needs_no_choice(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link("Same")
        page_client = PageClient(shared_api, "member")
        form = extract_form(page_client.get(f"/links/{link['id']}/edit"))
        shared_api.patch(f"/v1/links/{link['id']}", {"name": "Same now"}, "manager")
        response = page_client.post(f"/links/{link['id']}/edit", form | {"name": "Same now"})
        assert response.headers["location"] == f"/links/{link['id']}"

    def test_of_a_deleted_link_is_gone(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link("Gone")
        assert shared_api.send_request("DELETE", f"/v1/links/{link['id']}", who="member").status_code == 204
        page_client = PageClient(shared_api, "member")
        assert page_client.get(f"/links/{link['id']}/edit").status_code == 410
        assert "This link was deleted" in read_page(page_client, f"/links/{link['id']}")

    def test_of_a_managed_link_compares_too(self, shared_api: ApiDriver) -> None:
        managed = create_managed_link(shared_api, "both-edit", "member")
        page_client = PageClient(shared_api, "manager")
        path = f"/management/managed/{managed['id']}/edit"
        form = extract_form(page_client.get(path))
        shared_api.patch(f"/v1/managed-links/{managed['id']}", {"name": "By the admin"}, "admin")
        hosts = {"host_ids": [shared_api.ids["member"], shared_api.ids["engineer"]]}
        response = page_client.post(path, form | hosts)
        assert response.status_code == 412
        sent_form = extract_form(response)
        assert sent_form["name"] == "By the admin"
        assert page_client.post(path, sent_form).status_code == 303
        assert len(list_host_links(shared_api, managed)) == 2
        assert {host_link["name"] for host_link in list_host_links(shared_api, managed)} == {"By the admin"}


def read_visible_text(page_client: PageClient, path: str) -> str:
    """What a page says, without its tags."""
    page_client.client.cookies.set("oncelink_position", str(find_last_position(page_client.api)))
    return extract_text(page_client.get(path))


def extract_main(response: httpx2.Response) -> str:
    """The main part of a page."""
    return response.text.split("<main", 1)[1].split("</main", 1)[0]


def find_invalid_fields(response: httpx2.Response) -> set[str]:
    """The fields that a page says are wrong."""
    inputs = re.findall(r"<(?:input|select)[^>]*>", extract_main(response))
    names = [re.search(r'name="(\w+)"', input_tag) for input_tag in inputs if 'aria-invalid="true"' in input_tag]
    return {name.group(1) for name in names if name}


def is_ticked(response: httpx2.Response, value: str) -> bool:
    """Whether the box of a value is ticked."""
    return any(
        "checked" in input_tag
        for input_tag in re.findall(r"<input[^>]*>", extract_main(response))
        if f'value="{value}"' in input_tag
    )


def extract_form(response: httpx2.Response) -> dict[str, Any]:
    """What a browser would send of a page's form."""
    form_fields: dict[str, Any] = {}
    main = extract_main(response)
    for input_tag in re.findall(r"<input[^>]*>", main):
        name, value = re.search(r'name="(\w+)"', input_tag), re.search(r'value="([^"]*)"', input_tag)
        is_sent = " checked" in input_tag or not re.search(r'type="(radio|checkbox)"', input_tag)
        if name and is_sent:
            form_fields[name.group(1)] = value.group(1) if value else "on"
    for select in re.findall(r"<select.*?</select>", main, re.DOTALL):
        name, option = re.search(r'name="(\w+)"', select), re.search(r'value="([^"]*)" selected', select)
        if name and option:
            form_fields[name.group(1)] = option.group(1)
    return form_fields
