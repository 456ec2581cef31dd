"""Checkpoints, proofs and checks of the whole log over HTTP."""

import base64
import time
from typing import Any

import pytest

from replay.tree import merkle
from replay.tree.checkpoint import Checkpoint, read_checkpoints
from replay.tree.sealed_tree import SealedTree
from replay.tree.signed_note import Verifier
from tests.api.refusals import assert_problem, find_last_position
from tests.api_driver import ApiDriver

TIMEOUT_SECONDS = 60.0


def decode_hashes(texts: list[str]) -> list[bytes]:
    return [base64.b64decode(text) for text in texts]


@pytest.fixture
def tree_size(shared_api: ApiDriver) -> int:
    """Size of the tree once every event is sealed."""
    tree, last = SealedTree(shared_api.services.database), find_last_position(shared_api)
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while tree.read_head().position < last:
        assert time.monotonic() < deadline, "nobody seals"
        time.sleep(0.02)
    return tree.read_head().size


def fetch_checkpoint(api: ApiDriver) -> Checkpoint:
    """Fetch and verify the checkpoint as an auditor who has the keys."""
    keys = api.get("/v1/history/checkpoint/keys", "auditor")
    response = api.send_request("GET", "/v1/history/checkpoint", who="auditor")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    [checkpoint] = read_checkpoints(response.content, [Verifier.from_text(key) for key in keys["keys"]])
    assert checkpoint.origin == keys["name"] == f"testserver/{api.services.settings.db_schema}"
    return checkpoint


class TestProofs:
    """GET /v1/history/checkpoint and /v1/history/proofs."""

    @pytest.mark.usefixtures("unchanged_log")
    def test_every_event_is_included(self, shared_api: ApiDriver, tree_size: int) -> None:
        saved_checkpoint = fetch_checkpoint(shared_api)
        assert saved_checkpoint.size == tree_size
        for row in shared_api.services.database.fetch_rows("SELECT position FROM {schema}.events"):
            proof = shared_api.get(
                f"/v1/history/proofs?position={row['position']}&to={saved_checkpoint.size}", "auditor"
            )
            assert proof["position"] == row["position"]
            assert base64.b64decode(proof["root_hash"]) == saved_checkpoint.root
            [leaf] = decode_hashes([proof["leaf_hash"]])
            assert merkle.verify_inclusion(
                saved_checkpoint.root, saved_checkpoint.size, proof["number"], leaf, decode_hashes(proof["hashes"])
            )

    def test_the_log_extends_an_earlier_checkpoint(self, shared_api: ApiDriver, tree_size: int) -> None:
        saved_checkpoint = fetch_checkpoint(shared_api)
        shared_api.create_link("One more")
        last, deadline = find_last_position(shared_api), time.monotonic() + TIMEOUT_SECONDS
        while SealedTree(shared_api.services.database).read_head().position < last:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        now = fetch_checkpoint(shared_api)
        assert now.size == saved_checkpoint.size + 1
        proof = shared_api.get(f"/v1/history/proofs?from={saved_checkpoint.size}&to={now.size}", "admin")
        assert (proof["from"], proof["to"]) == (saved_checkpoint.size, now.size)
        assert decode_hashes([proof["from_root_hash"], proof["to_root_hash"]]) == [saved_checkpoint.root, now.root]
        assert merkle.verify_consistency(
            saved_checkpoint.size, saved_checkpoint.root, now.size, now.root, decode_hashes(proof["hashes"])
        )

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("", "position"),
            ("to=1", "position"),
            ("position=1&from=1", "position"),
            ("position=0", "position"),
            ("position=zqx", "position"),
            ("position=9223372036854775808", "position"),
            ("position=999999999", "position"),
            ("position=1&to=0", "to"),
            ("from=0&to=999999999", "to"),
            ("from=2&to=1", "from"),
            ("from=-1", "from"),
            ("from=1e3", "from"),
        ],
    )
    def test_wrong_questions(self, shared_api: ApiDriver, tree_size: int, query: str, field: str) -> None:
        response = shared_api.send_request("GET", f"/v1/history/proofs?{query}", who="auditor")
        assert assert_problem(response, 422, "invalid")["errors"][0]["field"] == field


class TestVerification:
    """POST and GET /v1/history/verify."""

    def wait_for_verification(self, api: ApiDriver) -> Any:
        """The last check, once it is over."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while (verification := api.get("/v1/history/verify", "auditor"))["state"] in ("queued", "running"):
            assert time.monotonic() < deadline, "nobody verifies"
            time.sleep(0.02)
        return verification

    def test_nothing_was_asked_for_yet(self, api: ApiDriver) -> None:
        assert_problem(api.send_request("GET", "/v1/history/verify", who="auditor"), 404, "not_found")

    @pytest.mark.usefixtures("unchanged_log")
    def test_a_healthy_log(self, shared_api: ApiDriver, tree_size: int) -> None:
        request_result = shared_api.post("/v1/history/verify", None, "auditor", 202)
        assert request_result["state"] in ("queued", "running", "done")
        verification = self.wait_for_verification(shared_api)
        assert verification["state"] == "done"
        assert verification["error"] is None
        assert verification["problems"] == []
        assert verification["checked_events"] == verification["sealed_events"] == tree_size
        assert verification["unproven_events"] == 0
        assert verification["read_models"]["meeting_log"] == 0
        assert verification["requested_at"] <= verification["started_at"] <= verification["finished_at"]

    def test_one_at_a_time(self, shared_api: ApiDriver) -> None:
        self.wait_for_verification(shared_api) if shared_api.send_request(
            "POST", "/v1/history/verify", who="admin"
        ) else None
        database = shared_api.services.database
        with database.connect() as connection:  # somebody else is at work on one
            connection.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", (f"{database.schema}.verification",))
            shared_api.post("/v1/history/verify", None, "admin", 202)
            assert_problem(
                shared_api.send_request("POST", "/v1/history/verify", who="auditor"), 409, "verification_running"
            )
            assert shared_api.get("/v1/history/verify", "auditor")["state"] == "queued"
        assert self.wait_for_verification(shared_api)["state"] == "done"

    def test_a_fault_is_named(self, api: ApiDriver, log_tampering: Any) -> None:
        api.create_link("Intro")
        head_now = find_last_position(api)
        api.send_request("GET", "/v1/links", who="member", Oncelink_Min_Position=str(head_now))
        log_tampering("UPDATE {schema}.claims SET value = 'stolen' WHERE value = 'intro'")
        api.post("/v1/history/verify", None, "auditor", 202)
        verification = self.wait_for_verification(api)
        assert [(problem["check"], problem["position"]) for problem in verification["problems"]] == [
            ("claims", head_now),
            ("claims", None),
        ]
        assert verification["problems"][0]["stream_id"] == verification["problems"][1]["stream_id"]
        assert "'stolen'" in verification["problems"][1]["difference"]


@pytest.fixture
def log_tampering(api: ApiDriver, superuser_url: str) -> Any:
    """Executes a statement as the superuser, past the application."""
    import psycopg

    def execute_statement(query: str) -> None:
        with psycopg.connect(superuser_url) as connection:
            assert connection.execute(api.services.database.compose_query(query)).rowcount == 1

    return execute_statement
