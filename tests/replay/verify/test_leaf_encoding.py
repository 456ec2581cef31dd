"""The canonical encoding of an event: as docs/proofs.md states it, the same in SQL and in Python."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replay.tree.leaf_encoding import InvalidEvent, encode_json, hash_event, sort_names
from replay.tree.merkle import hash_leaf
from tests.replay.verify.conftest import SealedLog

PAGE = (Path(__file__).parents[3] / "docs" / "proofs.md").read_text(encoding="utf-8")
HASH = """SELECT {schema}.leaf_hash(%(position)s, %(recorded_at)s::timestamptz, %(stream_id)s, %(version)s, %(type)s,
    %(data)s::jsonb) AS hash"""
EXPORTED = """SELECT position, to_char(recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS recorded_at,
    stream_id::text, version, type, data::text AS data FROM {schema}.events ORDER BY position"""
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
DATA = st.dictionaries(
    TEXTS,
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**30), 10**30) | TEXTS,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
        max_leaves=12,
    ),
    max_size=8,
)


def read_test_vector() -> tuple[dict[str, Any], str, str]:
    """Read the page's example: an event, its leaf encoding, and the leaf's hash."""
    event, leaf = re.findall(r"```(?:json|text)\n(.*?)\n```", PAGE, re.S)[:2]
    [digest] = re.findall(r"hash of this leaf is `([0-9a-f]{64})`", PAGE)
    return json.loads(event), leaf, digest


def test_the_page_says_what_the_code_does() -> None:
    event, leaf, hash = read_test_vector()
    assert hash_leaf(leaf.encode()).hex() == hash
    assert hash_event(event).hex() == hash


def test_the_page_says_what_sql_does(sealed_log: SealedLog) -> None:
    event, _, hash = read_test_vector()
    [row] = sealed_log.database.fetch_rows(HASH, {**event, "data": json.dumps(event["data"])})
    assert bytes(row["hash"]).hex() == hash


def test_every_event_of_a_log_has_the_hash_that_was_sealed(sealed_log: SealedLog) -> None:
    sealed = {
        row["position"]: bytes(row["hash"])
        for row in sealed_log.fetch_rows("SELECT position, hash FROM {schema}.sealed_events")
    }
    events = [{**row, "data": json.loads(row["data"])} for row in sealed_log.fetch_rows(EXPORTED)]
    assert len(events) == len(sealed) > 64
    assert {event["position"]: hash_event(event) for event in events} == sealed


@settings(deadline=None, max_examples=60)
@given(DATA)
def test_any_data_is_spelled_as_postgresql_does(sealed_log: SealedLog, data: dict[str, Any]) -> None:
    [row] = sealed_log.fetch_rows("SELECT %s::jsonb::text AS spelled", json.dumps(data))
    assert encode_json(sort_names(data)) == row["spelled"]
    assert encode_json(sort_names(json.loads(row["spelled"]))) == row["spelled"]


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"position": 1},
        {**dict.fromkeys(("position", "recorded_at", "stream_id", "version", "type")), "data": {"a": 1.5}},
        {**dict.fromkeys(("position", "recorded_at", "stream_id", "version", "type")), "data": {"a": "\ud800"}},
    ],
)
def test_what_is_no_event_has_no_hash(event: dict[str, Any]) -> None:
    with pytest.raises(InvalidEvent):
        hash_event(event)
