"""`oncelink history` and `oncelink as-of`: the story of a stream, and read models as they stood."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from typer.testing import Result

from projections.catalogue import READ_MODELS
from tests import cli_driver
from tests.api.refusals import find_last_position
from tests.api_driver import ApiDriver
from tests.cli_driver import build_environment

CommandRunner = Callable[..., Result]


@pytest.fixture
def run_command(api: ApiDriver) -> CommandRunner:
    """Runs a command in this process."""
    environment = build_environment(api.services.settings) | {"COLUMNS": "160"}
    return partial(cli_driver.run_command, environment)


@pytest.fixture(scope="module")
def api(shared_api: ApiDriver) -> ApiDriver:
    """The one of all: these commands only read."""
    return shared_api


@pytest.fixture(scope="module")
def renamed_link(api: ApiDriver) -> dict[str, Any]:
    """A link that was renamed after a booking."""
    link = api.create_link("Deep [dive]", slug="deep")
    booking_id = api.book_meeting("deep", api.list_slots("deep")[0])["booking"]["id"]
    position_before = find_last_position(api)
    api.patch(f"/v1/links/{link['id']}", {"name": "Shallow"}, "member")
    return {"link": link["id"], "booked": booking_id, "before": position_before}


class TestHistory:
    def test_tells_the_story(self, run_command: CommandRunner, renamed_link: dict[str, Any]) -> None:
        result = run_command("history", renamed_link["link"])
        assert result.exit_code == 0
        assert "Member published the link “Deep [dive]” of “Intro” for Member." in result.stdout
        assert "name: Deep [dive] → Shallow" in result.stdout
        assert "LinkUpdated.v1, by person, from api" in result.stdout

    def test_as_json(self, run_command: CommandRunner, renamed_link: dict[str, Any], api: ApiDriver) -> None:
        rows = json.loads(run_command("history", renamed_link["booked"], "--json").stdout)
        assert rows == api.get(f"/v1/history/streams/{renamed_link['booked']}", "admin")["items"]
        assert [row["type"] for row in rows] == ["DirectIssued.v1", "MeetingBooked.v1"]

    def test_hides_the_secret_address_of_a_calendar(self, run_command: CommandRunner, api: ApiDriver) -> None:
        api.patch("/v1/me", {"busy_feed_url": "https://calendar.example/s3cret.ics"}, "engineer")
        story = ("history", api.ids["engineer"])
        for command in (story, ("as-of", str(find_last_position(api)), "people")):
            outputs = [run_command(*command).stdout, run_command(*command, "--json").stdout]
            assert "s3cret" not in "".join(outputs)
            assert "busy_feed_url" in outputs[1]
        api.patch("/v1/me", {"busy_feed_url": None}, "engineer")

    @pytest.mark.parametrize("id", ["6f0e1c5e-0000-4000-8000-000000000000", "7"])
    def test_of_what_nobody_knows(self, run_command: CommandRunner, id: str) -> None:
        result = run_command("history", id)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "There is no such thing" in result.stderr


class TestAsOf:
    def test_a_read_model_as_it_stood(
        self, run_command: CommandRunner, renamed_link: dict[str, Any], api: ApiDriver
    ) -> None:
        past_row = json.loads(run_command("as-of", str(renamed_link["before"]), "links", "--json").stdout)
        assert (past_row["position"], [row["name"] for row in past_row["items"]]) == (
            renamed_link["before"],
            ["Deep [dive]"],
        )
        meeting = json.loads(run_command("as-of", str(renamed_link["before"]), "meeting-log", "--json").stdout)[
            "items"
        ][0]
        assert meeting["link"]["name"] == "Deep [dive]"
        now = datetime.now(UTC).isoformat()
        assert [row["name"] for row in json.loads(run_command("as-of", now, "links", "--json").stdout)["items"]] == [
            "Shallow"
        ]

    def test_as_a_table(self, run_command: CommandRunner, renamed_link: dict[str, Any]) -> None:
        result = run_command("as-of", str(renamed_link["before"]), "links")
        assert result.exit_code == 0
        assert f"links at position {renamed_link['before']}" in result.stdout
        assert "Deep [dive]" in result.stdout
        assert "single_use_links at position 2" in run_command("as-of", "2", "single_use_links").stdout

    @pytest.mark.parametrize("model", READ_MODELS, ids=lambda model: model.name)
    def test_of_every_read_model(self, run_command: CommandRunner, renamed_link: dict[str, Any], model: Any) -> None:
        for name in (model.name, model.name.replace("_", "-")):
            result = run_command("as-of", str(renamed_link["before"]), name, "--limit", "2", "--json")
            assert result.exit_code == 0, result.stderr
            assert len(json.loads(result.stdout)["items"]) <= 2

    @pytest.mark.parametrize(
        ("arguments", "message"),
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
        self, run_command: CommandRunner, renamed_link: dict[str, Any], arguments: tuple[str, str], message: str
    ) -> None:
        result = run_command("as-of", *arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert " ".join(result.stderr.split()).startswith(message)
