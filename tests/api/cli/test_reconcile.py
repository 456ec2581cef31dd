"""`oncelink reconcile`: what an operator is answer of each link, and what is kept of the decision."""

import json
from typing import Any

import pytest

from tests.api_driver import ApiDriver
from tests.cli_driver import build_environment, read_error, run_command

RECIPIENT = {"name": "Ada\u202eecaL", "email": "ada@list.example"}


def run_reconcile(api: ApiDriver, *arguments: str, expect: int = 0) -> Any:
    """Run the command; returns its JSON."""
    result = run_command(build_environment(api.services.settings), "reconcile", "--json", *arguments)
    assert result.exit_code == expect, result.output
    return json.loads(result.stdout)


def issue_links(api: ApiDriver) -> list[Any]:
    """Issue a link for a recipient, one with a label, and one for somebody whose details are erased then."""
    link = api.create_link("Talk")
    bodies = (
        {"recipients": [RECIPIENT], "label": "Fair"},
        {"label": "For"},
        {"recipients": [{"email": "gone@list.example"}]},
    )
    items = [api.post(f"/v1/links/{link['id']}/single-use", body, "member", 201)["items"][0] for body in bodies]
    api.post("/v1/erasures", {"email": "gone@list.example"}, "admin", 201)
    return items


def test_names_issuer_link_and_recipient(api: ApiDriver) -> None:
    first, second, erased = issue_links(api)
    answer = run_reconcile(api, "--restored", "--reason", "A snapshot of Monday.", expect=1)
    rows = {row["id"]: row for row in answer["unconfirmed"]}
    assert rows.keys() == {first["id"], second["id"], erased["id"]}
    assert {(row["link_name"], row["issued_by"]) for row in rows.values()} == {("Talk", "Member")}
    assert rows[first["id"]]["recipient"]["email"] == "ada@list.example"
    assert rows[second["id"]]["label"] == "For"
    assert (rows[erased["id"]]["recipient"], rows[erased["id"]]["label"]) == (None, None)
    result = run_command(build_environment(api.services.settings), "reconcile")
    [line] = [line for line in result.stdout.splitlines() if line.startswith(first["id"])]
    assert "of Talk, issued by Member at 20" in line
    assert line.endswith("for AdaecaL <ada@list.example> (Fair)")
    assert "\u202e" not in result.stdout
    assert result.exit_code == 1
    [decision] = answer["decisions"]
    assert (decision["decision"], decision["unconfirmed"], decision["reason"]) == (
        "restored", 3, "A snapshot of Monday.",
    )  # fmt: skip


def test_a_reason_is_kept_with_the_decision(api: ApiDriver) -> None:
    first, second, _ = issue_links(api)
    run_reconcile(api, "--restored", expect=1)
    answer = run_reconcile(api, "--revoke", "--keep", first["id"], "--reason", "Grace says that it was used.")
    assert len(answer["revoked"]) == 2
    decision = answer["decisions"][0]
    assert (decision["decision"], decision["unconfirmed"], decision["revoked"], decision["reason"]) == (
        "revoked",
        3,
        2,
        None,
    )
    story = str([row["sentence"] for row in api.get(f"/v1/history/streams/{second['id']}", "auditor")["items"]])
    assert "Grace says that it was used." in story
    run_reconcile(api, "--restored", expect=1)
    decision = run_reconcile(api, "--nothing-lost", "--reason", "A planned move.")["decisions"][0]
    assert (decision["decision"], decision["unconfirmed"], decision["reason"]) == ("nothing_lost", 1, "A planned move.")
    assert len(run_reconcile(api)["decisions"]) == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--reason", "Why"], "goes with --revoke, --nothing-lost or --restored"),
        (["--nothing-lost", "--reason", "x" * 2001], "--reason"),
        (["--nothing-lost", "--reason", "a\x1bb"], "--reason"),
    ],
)
def test_a_wrong_reason_decides_nothing(api: ApiDriver, arguments: list[str], message: str) -> None:
    result = run_command(build_environment(api.services.settings), "reconcile", *arguments)
    assert result.exit_code == 2
    assert message in read_error(result)
    assert run_reconcile(api)["decisions"] == []
