"""Checkpoints, proofs and checks of the whole log over HTTP."""

import base64
import time
from typing import Any

import pytest

from replay.tree import merkle
from replay.tree.checkpoint import Checkpoint, opened
from replay.tree.sealed_tree import SealedTree
from replay.tree.signed_note import Verifier
from tests.api.refusals import head, refused
from tests.api_driver import House

PATIENCE = 60.0


def raw(texts: list[str]) -> list[bytes]:
    return [base64.b64decode(text) for text in texts]


@pytest.fixture
def sealed(shared_house: House) -> int:
    """The size of the tree once everything is sealed."""
    tree, last = SealedTree(shared_house.oncelink.database), head(shared_house)
    deadline = time.monotonic() + PATIENCE
    while tree.head().position < last:
        assert time.monotonic() < deadline, "nobody seals"
        time.sleep(0.02)
    return tree.head().size


def checkpoint(house: House) -> Checkpoint:
    """The checkpoint, as an auditor reads it who has the keys."""
    keys = house.get("/v1/history/checkpoint/keys", "auditor")
    answer = house.send("GET", "/v1/history/checkpoint", who="auditor")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    [found] = opened(answer.content, [Verifier.read(key) for key in keys["keys"]])
    assert found.origin == keys["name"] == f"testserver/{house.oncelink.settings.db_schema}"
    return found


class TestProofs:
    """GET /v1/history/checkpoint and /v1/history/proofs."""

    @pytest.mark.usefixtures("unmoved")
    def test_every_event_is_included(self, shared_house: House, sealed: int) -> None:
        saved = checkpoint(shared_house)
        assert saved.size == sealed
        for row in shared_house.oncelink.database.rows("SELECT position FROM {schema}.events"):
            proof = shared_house.get(f"/v1/history/proofs?position={row['position']}&to={saved.size}", "auditor")
            assert proof["position"] == row["position"]
            assert base64.b64decode(proof["root_hash"]) == saved.root
            [leaf] = raw([proof["leaf_hash"]])
            assert merkle.includes(saved.root, saved.size, proof["number"], leaf, raw(proof["hashes"]))

    def test_the_log_extends_an_earlier_checkpoint(self, shared_house: House, sealed: int) -> None:
        saved = checkpoint(shared_house)
        shared_house.link("One more")
        last, deadline = head(shared_house), time.monotonic() + PATIENCE
        while SealedTree(shared_house.oncelink.database).head().position < last:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        now = checkpoint(shared_house)
        assert now.size == saved.size + 1
        proof = shared_house.get(f"/v1/history/proofs?from={saved.size}&to={now.size}", "admin")
        assert (proof["from"], proof["to"]) == (saved.size, now.size)
        assert raw([proof["from_root_hash"], proof["to_root_hash"]]) == [saved.root, now.root]
        assert merkle.extends(saved.size, saved.root, now.size, now.root, raw(proof["hashes"]))

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
    def test_wrong_questions(self, shared_house: House, sealed: int, query: str, field: str) -> None:
        answer = shared_house.send("GET", f"/v1/history/proofs?{query}", who="auditor")
        assert refused(answer, 422, "invalid")["errors"][0]["field"] == field


class TestVerification:
    """POST and GET /v1/history/verify."""

    def done(self, house: House) -> Any:
        """The last check, once it is over."""
        deadline = time.monotonic() + PATIENCE
        while (found := house.get("/v1/history/verify", "auditor"))["state"] in ("queued", "running"):
            assert time.monotonic() < deadline, "nobody verifies"
            time.sleep(0.02)
        return found

    def test_nothing_was_asked_for_yet(self, house: House) -> None:
        refused(house.send("GET", "/v1/history/verify", who="auditor"), 404, "not_found")

    @pytest.mark.usefixtures("unmoved")
    def test_a_healthy_log(self, shared_house: House, sealed: int) -> None:
        queued = shared_house.post("/v1/history/verify", None, "auditor", 202)
        assert queued["state"] in ("queued", "running", "done")
        found = self.done(shared_house)
        assert found["state"] == "done"
        assert found["error"] is None
        assert found["problems"] == []
        assert found["checked_events"] == found["sealed_events"] == sealed
        assert found["unproven_events"] == 0
        assert found["read_models"]["meeting_log"] == 0
        assert found["requested_at"] <= found["started_at"] <= found["finished_at"]

    def test_one_at_a_time(self, shared_house: House) -> None:
        self.done(shared_house) if shared_house.send("POST", "/v1/history/verify", who="admin") else None
        database = shared_house.oncelink.database
        with database.connect() as connection:  # somebody else is at work on one
            connection.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", (f"{database.schema}.verification",))
            shared_house.post("/v1/history/verify", None, "admin", 202)
            refused(shared_house.send("POST", "/v1/history/verify", who="auditor"), 409, "verification_running")
            assert shared_house.get("/v1/history/verify", "auditor")["state"] == "queued"
        assert self.done(shared_house)["state"] == "done"

    def test_a_fault_is_named(self, house: House, superuser: Any) -> None:
        house.link("Intro")
        head_now = head(house)
        house.send("GET", "/v1/links", who="member", Oncelink_Min_Position=str(head_now))
        superuser("UPDATE {schema}.claims SET value = 'stolen' WHERE value = 'intro'")
        house.post("/v1/history/verify", None, "auditor", 202)
        found = self.done(house)
        assert [(one["check"], one["position"]) for one in found["problems"]] == [
            ("claims", head_now),
            ("claims", None),
        ]
        assert found["problems"][0]["stream_id"] == found["problems"][1]["stream_id"]
        assert "'stolen'" in found["problems"][1]["difference"]


@pytest.fixture
def superuser(house: House, superuser_url: str) -> Any:
    """Changes something behind the log's back."""
    import psycopg

    def plant(query: str) -> None:
        with psycopg.connect(superuser_url) as connection:
            assert connection.execute(house.oncelink.database.text(query)).rowcount == 1

    return plant
