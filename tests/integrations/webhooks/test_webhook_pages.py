"""Webhooks on the pages of managers."""

import re

from tests.api.pages.page_client import PageClient, extract_text
from tests.api_driver import ApiDriver

FORM = {"url": "https://hooks.nexora.example/oncelink", "types": ["booking.created"], "details": "full"}


def make_webhook(client: PageClient, **fields: object) -> tuple[str, str]:
    """Make a webhook with the form. Returns its id and the page that shows its secret."""
    [key] = re.findall(r'name="key" value="([^"]+)"', client.get("/admin/webhooks").text)
    response = client.post("/admin/webhooks", {**FORM, "key": key, **fields})
    assert response.status_code == 201, extract_text(response)
    [id] = set(re.findall(r"/admin/webhooks/([0-9a-f-]{36})/test", response.text))
    return id, response.text


def test_is_made_once_and_shows_its_secret_once(shared_api: ApiDriver) -> None:
    client = PageClient(shared_api, "manager")
    [key] = re.findall(r'name="key" value="([^"]+)"', client.get("/admin/webhooks").text)
    first = client.post("/admin/webhooks", {**FORM, "key": key})
    again = client.post("/admin/webhooks", {**FORM, "key": key})
    secrets = re.findall(r"whsec_[\w+/=]+", first.text)
    assert len(set(secrets)) == 1
    assert "whsec_" not in again.text
    other = client.post("/admin/webhooks", {**FORM, "key": key, "url": "https://other.nexora.example/"})
    assert other.status_code == 422
    assert "whsec_" not in other.text
    assert 'value="https://other.nexora.example/"' in other.text  # kept, under a new key
    assert key not in other.text
    [webhook] = [one for one in shared_api.get("/v1/webhooks", "manager")["items"] if one["url"] == FORM["url"]]
    assert (webhook["types"], webhook["details"]) == (["booking.created"], "full")
    assert "whsec_" not in client.get(f"/admin/webhooks/{webhook['id']}").text
    assert "hooks.nexora.example" in extract_text(client.get("/admin/webhooks"))
    client.post(f"/admin/webhooks/{webhook['id']}/delete")


def test_is_changed_switched_tested_rotated_replayed_and_removed(shared_api: ApiDriver) -> None:
    client = PageClient(shared_api, "manager")
    id, page = make_webhook(client)
    path = f"/admin/webhooks/{id}"
    [secret] = set(re.findall(r"whsec_[\w+/=]+", page))
    version = str(shared_api.get(f"/v1/webhooks/{id}", "manager")["version"])
    changes = {**FORM, "types": ["link.created", "link.deleted"], "details": "ids"}
    assert client.post(path, {**changes, "version": version}).status_code == 303
    assert client.post(path, {**changes, "version": version}).status_code == 412  # changed meanwhile
    assert shared_api.get(f"/v1/webhooks/{id}", "manager")["types"] == ["link.created", "link.deleted"]
    assert client.post(f"{path}/switch", {"active": "off"}).status_code == 303
    assert "Switched off." in extract_text(client.get(path))
    assert client.post(f"{path}/switch", {"active": "on"}).status_code == 303
    assert shared_api.get(f"/v1/webhooks/{id}", "manager")["active"]
    [new_secret] = set(re.findall(r"whsec_[\w+/=]+", client.post(f"{path}/rotate").text))
    assert new_secret != secret
    assert client.post(f"{path}/switch", {"active": "off"}).status_code == 303
    assert client.post(f"{path}/replay", {"from_position": "0"}).status_code == 303
    assert shared_api.get(f"/v1/webhooks/{id}", "manager")["position"] == 0
    for wrong in ("", "x", "-1", "9" * 17):
        refused = client.post(f"{path}/replay", {"from_position": wrong})
        assert refused.status_code == 422
        assert 'id="from_position-error"' in refused.text
    assert client.post(f"{path}/test").status_code == 303
    [attempt] = shared_api.get(f"/v1/webhooks/{id}/deliveries", "manager")["items"]
    assert not attempt["delivered"]  # nobody has that name
    assert "a test" in extract_text(client.get(path))
    assert client.post(f"{path}/delete").status_code == 303
    assert client.get(path).status_code == 404


def test_names_the_field_and_keeps_what_was_typed(shared_api: ApiDriver) -> None:
    client = PageClient(shared_api, "manager")
    [key] = re.findall(r'name="key" value="([^"]+)"', client.get("/admin/webhooks").text)
    for field, value in (("url", "https://10.0.0.1/hook"), ("url", "ftp://hooks.nexora.example/"), ("types", [])):
        page = client.post("/admin/webhooks", {**FORM, "key": key, field: value})
        assert page.status_code == 422
        assert f'id="{field}-error"' in page.text
        assert 'value="full" checked' in page.text


def test_is_for_managers(shared_api: ApiDriver) -> None:
    id, _ = make_webhook(PageClient(shared_api, "manager"))
    for who in ("member", "auditor", "analyst"):
        client = PageClient(shared_api, who)
        assert client.get("/admin/webhooks").status_code == client.get(f"/admin/webhooks/{id}").status_code == 403
        for action in ("test", "rotate", "replay", "delete", "switch"):
            assert client.post(f"/admin/webhooks/{id}/{action}").status_code == 403
    shared_api.send_request("DELETE", f"/v1/webhooks/{id}", who="manager")
