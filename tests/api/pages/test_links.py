"""The pages of links without a browser: who sees and may do what, forms that lose nothing, and single-use links."""

import re
from typing import Any

import httpx2
import pytest

from tests.api.pages.page_client import Visitor, text_of
from tests.api.refusals import head
from tests.api_driver import House

ISSUED = "/s/"


def shown(visitor: Visitor, path: str) -> str:
    """A page that is shown, as the log is now."""
    visitor.client.cookies.set("oncelink_position", str(head(visitor.house)))
    answer = visitor.get(path)
    assert answer.status_code == 200, answer.text[-800:]
    return answer.text


def managed_link(house: House, slug: str, *hosts: str) -> Any:
    """A new managed link of the manager."""
    ids = [house.ids[host] for host in hosts]
    body = {"name": f"Managed {slug}", "slug": slug, "meeting_type_id": house.ids["type"], "host_ids": ids}
    return house.post("/v1/managed-links", body, "manager", 201)


def links_of(house: House, managed: Any) -> list[Any]:
    """The hosts' links of a managed link."""
    found = house.send(
        "GET", f"/v1/managed-links/{managed['id']}/links", who="manager", Oncelink_Min_Position=str(head(house))
    )
    return found.json()["items"]  # type: ignore[no-any-return]


def issue(house: House, link: Any, who: str = "member", **body: Any) -> Any:
    """A new single-use link."""
    return house.post(f"/v1/links/{link['id']}/single-use", body, who, 201)["items"][0]


def wizard(house: House, **fields: Any) -> dict[str, Any]:
    """What the wizard's second step sends."""
    return {"meeting_type_id": house.ids["type"], "key": "k" * 24, "name": "Made", **fields}


class TestWhoSeesALink:
    """`/links/{id}`."""

    def test_its_owner_with_everything(self, shared_house: House) -> None:
        link = shared_house.link("Owned")
        page = shown(Visitor(shared_house, "member"), f"/links/{link['id']}")
        assert f'href="/links/{link["id"]}/edit"' in page
        assert f"/links/{link['id']}/delete" in page
        assert "published the link" in page

    def test_a_manager_too(self, shared_house: House) -> None:
        link = shared_house.link("Owned by a member")
        page = shown(Visitor(shared_house, "manager"), f"/links/{link['id']}")
        assert f'href="/links/{link["id"]}/edit"' in page
        assert "All Links" in page

    def test_an_auditor_reads(self, shared_house: House) -> None:
        link = shared_house.link("Audited")
        visitor = Visitor(shared_house, "auditor")
        page = shown(visitor, f"/links/{link['id']}")
        assert "/edit" not in page
        assert "data-split" not in page
        assert f'href="/history/{link["id"]}"' in page
        assert visitor.get(f"/links/{link['id']}/edit").status_code == 403

    def test_a_member_sees_and_copies_links_of_the_library_only(self, shared_house: House) -> None:
        link, hidden = shared_house.link("Shared", in_library=True), shared_house.link("Hidden")
        visitor = Visitor(shared_house, "engineer")
        page = shown(visitor, f"/links/{link['id']}")
        assert "/edit" not in page
        assert "data-split" in page
        assert "shares this link in the library" in page
        assert visitor.get(f"/links/{link['id']}/edit").status_code == 403
        assert visitor.get(f"/links/{hidden['id']}").status_code == 404
        assert visitor.get("/links/zqx").status_code == 404

    def test_a_host_of_a_managed_link_is_told_why_it_cannot_be_edited(self, shared_house: House) -> None:
        managed = managed_link(shared_house, "why-not", "member")
        [link] = links_of(shared_house, managed)
        visitor = Visitor(shared_house, "member")
        page = shown(visitor, f"/links/{link['id']}")
        assert "belongs to a managed link" in page
        assert "data-split" in page
        refused = visitor.get(f"/links/{link['id']}/edit")
        assert refused.status_code == 403
        assert "a manager changes it there, for all its hosts at once" in refused.text
        before = head(shared_house)
        assert visitor.post(f"/links/{link['id']}/edit", wizard(shared_house, slug="x")).status_code == 403
        assert head(shared_house) == before
        on = Visitor(shared_house, "manager").get(f"/links/{link['id']}/edit")
        assert on.headers["location"] == f"/management/managed/{managed['id']}/edit"

    @pytest.mark.parametrize("path", ["/management/links", "/management/managed", "/management/managed/new"])
    def test_link_management_is_for_managers(self, shared_house: House, path: str) -> None:
        assert Visitor(shared_house, "member").get(path).status_code == 403
        assert Visitor(shared_house, "manager").get(path).status_code == 200
        assert Visitor(shared_house, "auditor").get(path).status_code == (403 if path.endswith("new") else 200)

    def test_an_auditor_reads_managed_links_and_changes_none(self, shared_house: House) -> None:
        managed = managed_link(shared_house, "only-read", "member")
        visitor = Visitor(shared_house, "auditor")
        assert "data-split" not in shown(visitor, f"/management/managed/{managed['id']}")
        assert visitor.get(f"/management/managed/{managed['id']}/edit").status_code == 403
        assert visitor.post(f"/management/managed/{managed['id']}/edit").status_code == 403


class TestSingleUseLinks:
    """Of a link, on its page."""

    def test_show_their_code_to_who_issued_them_only(self, shared_house: House) -> None:
        link = shared_house.link("Two issuers", in_library=True)
        own, other = issue(shared_house, link), issue(shared_house, link, "engineer")
        owner, engineer = Visitor(shared_house, "member"), Visitor(shared_house, "engineer")
        page = shown(owner, f"/links/{link['id']}")
        assert own["url"] in page
        assert other["url"] not in page
        assert f"single-use-{other['id']}" in page
        page = shown(engineer, f"/links/{link['id']}")
        assert other["url"] in page
        assert f"single-use-{own['id']}" not in page
        path = f"/links/{link['id']}/single-use/"
        assert own["url"] in shown(owner, path + own["id"])
        assert "Only Engineer, who issued it" in shown(owner, path + other["id"])
        assert engineer.get(path + own["id"]).status_code == 404

    def test_say_when_and_by_whom_they_were_booked(self, shared_house: House) -> None:
        link = shared_house.link("Booked by a guest")
        one = issue(shared_house, link, recipients=[{"name": "Ada Lovelace"}], label="Fair")
        shared_house.book(one["code"], shared_house.slots(one["code"])[0])
        visitor = Visitor(shared_house, "member")
        page = visitor_text(visitor, f"/links/{link['id']}")
        assert re.search(r"Ada Lovelace Fair Booked .* by Member .* by Grace Guest, for", page)
        assert one["url"] not in shown(visitor, f"/links/{link['id']}")
        assert "booked" in visitor_text(visitor, f"/links/{link['id']}/single-use/{one['id']}")
        assert visitor.get(f"/links/{link['id']}/single-use/{one['id']}/revoke").status_code == 409

    def test_are_hidden_behind_no_other_link(self, shared_house: House) -> None:
        link, other = shared_house.link("One"), shared_house.link("Another")
        one = issue(shared_house, link)
        visitor = Visitor(shared_house, "member")
        assert visitor.get(f"/links/{other['id']}/single-use/{one['id']}").status_code == 404
        assert visitor.post(f"/links/{other['id']}/single-use/{one['id']}/revoke").status_code == 404

    def test_are_filtered_by_state_issuer_and_words(self, shared_house: House) -> None:
        link = shared_house.link("Filtered", in_library=True)
        ada = issue(shared_house, link, recipients=[{"name": "Ada Filter"}])
        bob = issue(shared_house, link, "manager", recipients=[{"name": "Bob Filter"}])
        shared_house.post(f"/v1/single-use/{bob['id']}/revoke", {}, "manager")
        visitor = Visitor(shared_house, "member")

        def found(query: str) -> set[str]:
            page = shown(visitor, f"/links/{link['id']}?{query}")
            return {name for name, one in (("ada", ada), ("bob", bob)) if f"single-use-{one['id']}" in page}

        assert found("") == {"ada", "bob"}
        assert found("status=revoked") == {"bob"}
        assert found("issued_by=me") == {"ada"}
        assert found("q=ada+fil&status=&issued_by=") == {"ada"}
        assert found("q=nobody") == set()

    def test_are_paged(self, shared_house: House) -> None:
        link = shared_house.link("Many")
        shared_house.post(f"/v1/links/{link['id']}/single-use", {"count": 60}, "member", 201)
        visitor = Visitor(shared_house, "member")
        first = shown(visitor, f"/links/{link['id']}")
        assert first.count('<tr id="single-use-') == 50
        assert "1–50" in first
        following = re.search(r'rel="next" href="([^"]+)"', first)
        assert following
        second = shown(visitor, following.group(1).replace("&amp;", "&"))
        assert second.count('<tr id="single-use-') == 10
        assert "51–60" in second

    def test_a_reason_too_long_loses_nothing(self, shared_house: House) -> None:
        link = shared_house.link("Reasons")
        one = issue(shared_house, link)
        visitor = Visitor(shared_house, "member")
        path = f"/links/{link['id']}/single-use/{one['id']}/revoke"
        long = "why " * 501
        refused = visitor.post(path, {"reason": long, "back": f"/links/{link['id']}"})
        assert refused.status_code == 422
        assert long.strip() in refused.text
        assert visitor.post(path, {"reason": "Wrong", "back": "https://evil.example"}).headers["location"] == "/"
        assert shared_house.get(f"/v1/single-use/{one['id']}", "member")["status"] == "revoked"


class TestWizardForm:
    """What the wizard's second step sends."""

    def test_is_shown_again_with_everything_and_the_fields_that_are_wrong(self, shared_house: House) -> None:
        visitor = Visitor(shared_house, "member")
        form = wizard(shared_house, name="  ", slug="Not a slug", expires_at="2026-13-01T10:00", in_library="on")
        answer = visitor.post("/links/new/properties", form)
        assert answer.status_code == 422
        assert "There is no such day or time." in answer.text
        form |= {"expires_at": "2031-01-01T10:00"}
        answer = visitor.post("/links/new/properties", form | {"co_host_ids": shared_house.ids["engineer"]})
        assert answer.status_code == 422
        assert {"name", "slug"} <= invalid_fields(answer)
        for kept in ('value="Not a slug"', 'value="2031-01-01T10:00"', 'value="kkkkkkkkkkkkkkkkkkkkkkkk"'):
            assert kept in answer.text
        assert ticked(answer, shared_house.ids["engineer"])
        assert ticked(answer, "on")

    def test_a_taken_slug_is_said_at_the_slug_with_a_free_one(self, shared_house: House) -> None:
        shared_house.link("There", slug="there")
        visitor = Visitor(shared_house, "member")
        answer = visitor.post("/links/new/properties", wizard(shared_house, slug="there"))
        assert answer.status_code == 422
        assert invalid_fields(answer) == {"slug"}
        assert "Another link already has this slug. “there-2” is free." in text_of(answer)
        assert 'data-value="there-2"' in answer.text

    def test_makes_one_link_however_often_it_is_sent(self, shared_house: House) -> None:
        visitor = Visitor(shared_house, "member")
        form = wizard(shared_house, name="Sent often", key="often-" * 4)
        first = visitor.post("/links/new/properties", form)
        assert first.status_code == 303
        before = head(shared_house)
        assert visitor.post("/links/new/properties", form).headers["location"] == first.headers["location"]
        assert head(shared_house) == before
        changed = visitor.post("/links/new/properties", form | {"name": "Sent changed"})
        assert changed.status_code == 422
        assert first.headers["location"].replace("/new/", "/") in changed.text
        assert "often-often" not in changed.text
        assert 'value="Sent changed"' in changed.text

    def test_asks_for_the_meeting_type_first(self, shared_house: House) -> None:
        visitor = Visitor(shared_house, "member")
        answer = visitor.get("/links/new/properties?name=Kept")
        assert answer.status_code == 422
        assert "Choose a meeting type." in answer.text
        assert 'name="name" value="Kept"' in answer.text
        assert visitor.post("/links/new/properties", {"name": "Kept"}).status_code == 422

    def test_of_a_managed_link_asks_for_hosts(self, shared_house: House) -> None:
        visitor = Visitor(shared_house, "manager")
        form = wizard(shared_house, slug="hosted", key="m" * 24)
        answer = visitor.post("/management/managed/new/properties", form)
        assert answer.status_code == 422
        assert "Choose at least one host." in answer.text
        hosts = {"host_ids": [shared_house.ids["member"], shared_house.ids["engineer"]]}
        made = visitor.post("/management/managed/new/properties", form | hosts)
        assert made.status_code == 303
        page = shown(visitor, made.headers["location"])
        assert page.count('class="host-link"') == 2
        assert "data-copy" in page
        assert "split-more" not in page

    def test_is_for_members(self, shared_house: House) -> None:
        before = head(shared_house)
        for role in ("auditor", "analyst"):
            visitor = Visitor(shared_house, role)
            assert visitor.get("/links/new").status_code == 403
            assert visitor.post("/links/new/properties", wizard(shared_house)).status_code == 403
        assert head(shared_house) == before


class TestChoosing:
    """People and meeting types in forms of large organisations."""

    def test_people_are_searched_and_chosen_ones_stay(self, shared_house: House) -> None:
        for number in range(26):
            shared_house.hire(f"crowd{number}", ["member"])
        crowd, engineer = shared_house.ids["crowd7"], shared_house.ids["engineer"]
        visitor = Visitor(shared_house, "member")
        path = f"/links/new/properties?meeting_type_id={shared_house.ids['type']}"
        everybody = shown(visitor, path)
        assert "There are more people" in everybody
        assert everybody.count('name="co_host_ids"') == 24
        found = shown(visitor, f"{path}&who=crowd7&co_host_ids={engineer}")
        assert re.findall(r'name="co_host_ids" value="([^"]+)"( checked)?', found) == [
            (engineer, " checked"),
            (crowd, ""),
        ]
        assert shared_house.ids["member"] not in re.findall(r'name="co_host_ids" value="([^"]+)"', everybody)

    def test_somebody_deactivated_is_not_offered_anew(self, shared_house: House) -> None:
        shared_house.hire("leaver", ["member"])
        leaver = shared_house.ids["leaver"]
        shared_house.post(f"/v1/people/{leaver}/deactivate", {}, "admin")
        visitor = Visitor(shared_house, "member")
        path = f"/links/new/properties?meeting_type_id={shared_house.ids['type']}&who=leaver"
        assert leaver not in shown(visitor, path)
        assert leaver in shown(visitor, f"{path}&co_host_ids={leaver}")

    def test_meeting_types_are_searched(self, shared_house: House) -> None:
        for number in range(7):
            body = {"name": f"Kind {number}", "duration_minutes": 15}
            shared_house.post("/v1/meeting-types", body, "admin", 201)
        visitor = Visitor(shared_house, "member")
        assert 'name="what"' in shown(visitor, "/links/new")
        found = shown(visitor, "/links/new?what=kind+3&name=Kept")
        assert found.count('name="meeting_type_id"') == 1
        assert 'name="name" value="Kept"' in found


class TestEditForm:
    """`/links/{id}/edit`."""

    def test_keeps_the_seconds_of_an_expiry_that_nobody_touched(self, shared_house: House) -> None:
        link = shared_house.link("Seconds", expires_at="2031-05-06T07:08:09.123Z")
        visitor = Visitor(shared_house, "member")
        form = form_of(visitor.get(f"/links/{link['id']}/edit"))
        assert form["expires_at"] == "2031-05-06T07:08"
        assert visitor.post(f"/links/{link['id']}/edit", form).headers["location"] == f"/links/{link['id']}"
        now = shared_house.get(f"/v1/links/{link['id']}", "member")
        assert (now["version"], now["expires_at"]) == (1, link["expires_at"])
        visitor.post(f"/links/{link['id']}/edit", form | {"name": "Renamed"})
        now = shared_house.get(f"/v1/links/{link['id']}", "member")
        assert (now["name"], now["expires_at"]) == ("Renamed", link["expires_at"])

    def test_saves_nothing_that_is_wrong(self, shared_house: House) -> None:
        link = shared_house.link("Stays", slug="stays")
        visitor = Visitor(shared_house, "member")
        form = form_of(visitor.get(f"/links/{link['id']}/edit"))
        answer = visitor.post(f"/links/{link['id']}/edit", form | {"name": "", "slug": "ü"})
        assert answer.status_code == 422
        assert {"name", "slug"} <= invalid_fields(answer)
        owner = form | {"co_host_ids": shared_house.ids["member"]}
        answer = visitor.post(f"/links/{link['id']}/edit", owner)
        assert answer.status_code == 422
        assert "The link&#39;s owner is its host already." in answer.text
        assert shared_house.get(f"/v1/links/{link['id']}", "member")["version"] == 1

    def test_a_stale_version_changes_nothing_until_it_is_chosen(self, shared_house: House) -> None:
        link = shared_house.link("Stale")
        visitor = Visitor(shared_house, "member")
        form = form_of(visitor.get(f"/links/{link['id']}/edit"))
        shared_house.patch(f"/v1/links/{link['id']}", {"in_library": True}, "manager")
        before = head(shared_house)
        answer = visitor.post(f"/links/{link['id']}/edit", form | {"name": "Mine", "slug": "mine-too"})
        assert answer.status_code == 412
        assert head(shared_house) == before
        assert "Manager changed the link" in text_of(answer)
        chosen = form_of(answer)
        assert chosen["version"] == "2"
        assert (chosen["name"], chosen["slug"], chosen["in_library"]) == ("Mine", "mine-too", "on")
        assert visitor.post(f"/links/{link['id']}/edit", chosen).status_code == 303
        now = shared_house.get(f"/v1/links/{link['id']}", "member")
        assert (now["name"], now["in_library"], now["version"]) == ("Mine", True, 3)

    def test_the_very_same_edit_needs_no_choice(self, shared_house: House) -> None:
        link = shared_house.link("Same")
        visitor = Visitor(shared_house, "member")
        form = form_of(visitor.get(f"/links/{link['id']}/edit"))
        shared_house.patch(f"/v1/links/{link['id']}", {"name": "Same now"}, "manager")
        answer = visitor.post(f"/links/{link['id']}/edit", form | {"name": "Same now"})
        assert answer.headers["location"] == f"/links/{link['id']}"

    def test_of_a_deleted_link_is_gone(self, shared_house: House) -> None:
        link = shared_house.link("Gone")
        assert shared_house.send("DELETE", f"/v1/links/{link['id']}", who="member").status_code == 204
        visitor = Visitor(shared_house, "member")
        assert visitor.get(f"/links/{link['id']}/edit").status_code == 410
        assert "This link was deleted" in shown(visitor, f"/links/{link['id']}")

    def test_of_a_managed_link_compares_too(self, shared_house: House) -> None:
        managed = managed_link(shared_house, "both-edit", "member")
        visitor = Visitor(shared_house, "manager")
        path = f"/management/managed/{managed['id']}/edit"
        form = form_of(visitor.get(path))
        shared_house.patch(f"/v1/managed-links/{managed['id']}", {"name": "By the admin"}, "admin")
        hosts = {"host_ids": [shared_house.ids["member"], shared_house.ids["engineer"]]}
        answer = visitor.post(path, form | hosts)
        assert answer.status_code == 412
        chosen = form_of(answer)
        assert chosen["name"] == "By the admin"
        assert visitor.post(path, chosen).status_code == 303
        assert len(links_of(shared_house, managed)) == 2
        assert {one["name"] for one in links_of(shared_house, managed)} == {"By the admin"}


def visitor_text(visitor: Visitor, path: str) -> str:
    """What a page says, without its tags."""
    visitor.client.cookies.set("oncelink_position", str(head(visitor.house)))
    return text_of(visitor.get(path))


def main_of(answer: httpx2.Response) -> str:
    """The main part of a page."""
    return answer.text.split("<main", 1)[1].split("</main", 1)[0]


def invalid_fields(answer: httpx2.Response) -> set[str]:
    """The fields that a page says are wrong."""
    inputs = re.findall(r"<(?:input|select)[^>]*>", main_of(answer))
    names = [re.search(r'name="(\w+)"', one) for one in inputs if 'aria-invalid="true"' in one]
    return {name.group(1) for name in names if name}


def ticked(answer: httpx2.Response, value: str) -> bool:
    """Whether the box of a value is ticked."""
    return any("checked" in one for one in re.findall(r"<input[^>]*>", main_of(answer)) if f'value="{value}"' in one)


def form_of(answer: httpx2.Response) -> dict[str, Any]:
    """What a browser would send of a page's form."""
    found: dict[str, Any] = {}
    main = main_of(answer)
    for one in re.findall(r"<input[^>]*>", main):
        name, value = re.search(r'name="(\w+)"', one), re.search(r'value="([^"]*)"', one)
        chosen = " checked" in one or not re.search(r'type="(radio|checkbox)"', one)
        if name and chosen:
            found[name.group(1)] = value.group(1) if value else "on"
    for select in re.findall(r"<select.*?</select>", main, re.DOTALL):
        name, option = re.search(r'name="(\w+)"', select), re.search(r'value="([^"]*)" selected', select)
        if name and option:
            found[name.group(1)] = option.group(1)
    return found
