"""`oncelink history` and `oncelink as-of`: the story of a stream, and read models as they stood."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from api.cli import command_context, main
from projections.catalogue import READ_MODELS
from tests.api.refusals import head
from tests.api_driver import House

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, house: House) -> Iterator[Run]:
    """Runs a command in this process, which it may not disturb."""
    settings = house.oncelink.settings
    for name in [name for name in os.environ if name.startswith("ONCELINK_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(command_context, "configure", lambda form: None)
    before = {number: signal.getsignal(number) for number in command_context.ENDINGS}
    given = {
        "ONCELINK_DATABASE_URL": settings.database_url,
        "ONCELINK_SCHEMA": settings.db_schema,
        "ONCELINK_DATA_DIR": str(settings.data_dir),
        "ONCELINK_SECRET_KEYS": settings.secret_keys,
        "COLUMNS": "160",
    }
    yield lambda *arguments: CliRunner().invoke(main.app, arguments, env=given)
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="module")
def house(shared_house: House) -> House:
    """The one of all: these commands only read."""
    return shared_house


@pytest.fixture(scope="module")
def told(house: House) -> dict[str, Any]:
    """A link that was renamed after a booking."""
    link = house.link("Deep [dive]", slug="deep")
    booked = house.book("deep", house.slots("deep")[0])["booking"]["id"]
    before = head(house)
    house.patch(f"/v1/links/{link['id']}", {"name": "Shallow"}, "member")
    return {"link": link["id"], "booked": booked, "before": before}


class TestHistory:
    def test_tells_the_story(self, run: Run, told: dict[str, Any]) -> None:
        result = run("history", told["link"])
        assert result.exit_code == 0
        assert "Member published the link “Deep [dive]” of “Intro” for Member." in result.stdout
        assert "name: Deep [dive] → Shallow" in result.stdout
        assert "LinkUpdated.v1, by person, from api" in result.stdout

    def test_as_json(self, run: Run, told: dict[str, Any], house: House) -> None:
        rows = json.loads(run("history", told["booked"], "--json").stdout)
        assert rows == house.get(f"/v1/history/streams/{told['booked']}", "admin")["items"]
        assert [row["type"] for row in rows] == ["DirectIssued.v1", "MeetingBooked.v1"]

    @pytest.mark.parametrize("id", ["6f0e1c5e-0000-4000-8000-000000000000", "7"])
    def test_of_what_nobody_knows(self, run: Run, id: str) -> None:
        result = run("history", id)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "There is no such thing" in result.stderr


class TestAsOf:
    def test_a_read_model_as_it_stood(self, run: Run, told: dict[str, Any], house: House) -> None:
        then = json.loads(run("as-of", str(told["before"]), "links", "--json").stdout)
        assert (then["position"], [row["name"] for row in then["items"]]) == (told["before"], ["Deep [dive]"])
        meeting = json.loads(run("as-of", str(told["before"]), "meeting-log", "--json").stdout)["items"][0]
        assert meeting["link"]["name"] == "Deep [dive]"
        now = datetime.now(UTC).isoformat()
        assert [row["name"] for row in json.loads(run("as-of", now, "links", "--json").stdout)["items"]] == ["Shallow"]

    def test_as_a_table(self, run: Run, told: dict[str, Any]) -> None:
        result = run("as-of", str(told["before"]), "links")
        assert result.exit_code == 0
        assert f"links at position {told['before']}" in result.stdout
        assert "Deep [dive]" in result.stdout
        assert "single_use_links at position 2" in run("as-of", "2", "single_use_links").stdout

    @pytest.mark.parametrize("model", READ_MODELS, ids=lambda model: model.name)
    def test_of_every_read_model(self, run: Run, told: dict[str, Any], model: Any) -> None:
        for name in (model.name, model.name.replace("_", "-")):
            result = run("as-of", str(told["before"]), name, "--limit", "2", "--json")
            assert result.exit_code == 0, result.stderr
            assert len(json.loads(result.stdout)["items"]) <= 2

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (("yesterday", "links"), "at: Send an instant"),
            (("2999-01-01T00:00:00Z", "links"), "at: This instant is in the future."),
            (("1999-01-01T00:00:00Z", "links"), "at: This is before the log"),
            (("99999999", "links"), "at: This is in the future: the log ends at position"),
            (("0", "links"), "at: This is before the log, which begins at position 1."),
            (("1", "guests"), "read_model: There is no such read model; there are people, meeting_types,"),
        ],
    )
    def test_names_the_argument_that_is_wrong(
        self, run: Run, told: dict[str, Any], arguments: tuple[str, str], said: str
    ) -> None:
        result = run("as-of", *arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert " ".join(result.stderr.split()).startswith(said)
