"""What auditors press on History: verify, checkpoint, export."""

import json
from typing import Any

import pytest

from tests.api.pages.page_client import PageClient, extract_text
from tests.api.refusals import find_last_position
from tests.api_driver import ApiDriver
from tests.waiting import wait_until

PATHS = ("/history/verification", "/history/checkpoint", "/history/export?format=csv", "/history/export")
SECRET = "https://calendar.example/secret-feed"


def test_history_offers_them(shared_api: ApiDriver) -> None:
    page = PageClient(shared_api, "auditor").get("/history").text
    assert 'method="post" action="/history/verification"' in page
    assert all(f'href="{path}"' in page for path in PATHS)


def test_verifying_runs_in_the_background_and_says_what_it_found(api: ApiDriver) -> None:
    page_client = PageClient(api, "auditor")
    assert "Nothing was verified yet" in page_client.get("/history/verification").text
    assert page_client.post("/history/verification").headers["location"] == "/history/verification"
    running = page_client.get("/history/verification").text
    assert "All is well" in running or 'hx-trigger="every 1s"' in running
    assert page_client.post("/history/verification").status_code == 303  # also while it runs
    wait_until(lambda: "Events checked" in page_client.get("/history/verification").text)
    text = extract_text(page_client.get("/history/verification"))
    assert "All is well: nothing differs." in text
    assert "Meeting log" in text


def test_what_differs_is_shown(api: ApiDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    job: dict[str, Any] = {
        "state": "done", "requested_at": api.clock(), "started_at": api.clock(), "finished_at": api.clock(),
        "error": None, "checked_events": 7, "sealed_events": 6, "unproven_events": 1, "read_models": {"links": 2},
        "problems": [{"check": "leaf", "position": 3, "stream_id": None, "difference": "another <hash>"}],
    }  # fmt: skip
    monkeypatch.setattr("api.pages.history.proofs.load_latest", lambda services: job)
    page = PageClient(api, "auditor").get("/history/verification")
    assert "what it should be" in page.text
    assert "at position 3: another &lt;hash&gt;" in page.text
    assert "All is well" not in page.text


def test_a_checkpoint_is_downloaded(shared_api: ApiDriver) -> None:
    wait_until(lambda: "\n\n— " in PageClient(shared_api, "auditor").get("/history/checkpoint").text)
    response = PageClient(shared_api, "auditor").get("/history/checkpoint")
    assert "attachment" in response.headers["content-disposition"]


def test_every_event_is_exported_without_secrets(api: ApiDriver) -> None:
    api.patch("/v1/me", {"busy_feed_url": SECRET}, "member")
    head = find_last_position(api)
    for who in ("auditor", "admin"):
        page_client = PageClient(api, who)
        lines = page_client.get("/history/export").text.splitlines()
        events = [json.loads(line) for line in lines]
        assert [event["position"] for event in events] == list(range(1, head + 1))
        table = page_client.get("/history/export?format=csv")
        assert len(table.text.splitlines()) == head + 1
        assert table.headers["content-disposition"] == f'attachment; filename="events-to-{head}.csv"'
        assert SECRET not in table.text + "".join(lines)


def test_only_auditors_and_admins(shared_api: ApiDriver) -> None:
    for who in ("member", "manager", "analyst"):
        page_client = PageClient(shared_api, who)
        assert [page_client.get(path).status_code for path in PATHS] == [403] * 4
        assert page_client.post("/history/verification").status_code == 403
