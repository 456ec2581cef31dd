"""Disabling, enabling and deleting a managed link on its pages, without a script."""

from tests.api.pages.page_client import PageClient, extract_text
from tests.api.refusals import fetch_list
from tests.api_driver import ApiDriver


def test_a_manager_disables_enables_and_deletes_it(api: ApiDriver) -> None:
    body = {"name": "All of us", "slug": "all-of-us", "meeting_type_id": api.ids["type"]}
    host_ids = [api.ids["member"], api.ids["engineer"]]
    managed = api.post("/v1/managed-links", {**body, "host_ids": host_ids}, "manager", 201)
    links = fetch_list(api, f"/v1/managed-links/{managed['id']}/links", "manager")["items"]
    codes = [code for link in links for code in api.create_codes(link, 2, "manager")]
    path = f"/management/managed/{managed['id']}"
    page_client = PageClient(api, "manager")
    assert f"{path}/disable" in page_client.get("/management/managed").text
    question = extract_text(page_client.get(f"{path}/disable"))
    assert "4 unused single-use links of it can no longer be booked" in question
    assert page_client.post(f"{path}/disable").headers["location"] == "/management/managed"
    assert api.get(f"/v1/book/{codes[0]}", expect=410)["code"] == "link_disabled"
    assert "Disabled" in extract_text(page_client.get(path))
    assert page_client.post(f"{path}/enable").status_code == 303
    assert "Enabled “All of us” for all its hosts." in extract_text(page_client.get("/management/managed"))
    api.post(f"/v1/links/{links[0]['id']}/disable", None, "manager")
    page_client.post(f"{path}/disable")
    page_client.post(f"{path}/enable")
    toast = extract_text(page_client.get("/management/managed"))
    assert "Enabled “All of us”. 1 link that was disabled by itself stays disabled." in toast
    api.post(f"/v1/links/{links[0]['id']}/enable", None, "manager")
    assert api.get(f"/v1/book/{codes[3]}")["kind"] == "single_use"
    assert "4 unused single-use links of it stop working" in extract_text(page_client.get(f"{path}/delete"))
    assert page_client.post(f"{path}/delete").status_code == 303
    assert api.get(f"/v1/book/{codes[3]}", expect=410)["code"] == "link_deleted"
    fetch_list(api, "/v1/managed-links", "manager")
    assert page_client.get("/management/managed").status_code == 200  # with a toast that names it
    assert "All of us" not in page_client.get("/management/managed").text
    deleted = page_client.get("/management/managed?status=deleted").text
    assert "All of us" in deleted
    assert f"{path}/edit" not in deleted
    assert page_client.get(f"{path}/delete").status_code == 410
    story = extract_text(PageClient(api, "auditor").get(f"/history/{managed['id']}"))
    for what in ("switched off the managed link", "switched on the managed link", "deleted the managed link"):
        assert what in story


def test_only_managers_are_offered_it(api: ApiDriver) -> None:
    body = {"name": "Seen", "slug": "seen", "meeting_type_id": api.ids["type"], "host_ids": [api.ids["member"]]}
    managed = api.post("/v1/managed-links", body, "manager", 201)
    fetch_list(api, "/v1/managed-links", "manager")
    path = f"/management/managed/{managed['id']}"
    auditor = PageClient(api, "auditor")
    assert f"{path}/delete" not in auditor.get("/management/managed").text + auditor.get(path).text
    for who in ("auditor", "member"):
        for action in ("disable", "enable", "delete"):
            assert PageClient(api, who).post(f"{path}/{action}").status_code == 403
    assert api.get(f"/v1/managed-links/{managed['id']}", "manager")["status"] == "active"
