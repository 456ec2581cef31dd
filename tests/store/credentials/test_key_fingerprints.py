"""Fingerprints of secret keys: they tell keys apart, give none away, and only an operator takes one out of force."""

import hashlib
from collections.abc import Iterator

import psycopg
import pytest

from store.credentials.key_fingerprints import LENGTH, Dependents, RecordedKeys, compute_fingerprint
from store.database import Database

OLD, NEW = "old " * 10, "new " * 10


@pytest.fixture
def recorded_keys(database: Database) -> Iterator[RecordedKeys]:
    """The keys of an empty log."""
    with database.connect() as connection:
        yield RecordedKeys(connection, database.schema)


def test_a_fingerprint_is_short_and_none_of_what_else_is_derived_from_the_key() -> None:
    assert compute_fingerprint(OLD) == compute_fingerprint(OLD) != compute_fingerprint(NEW)
    assert len(compute_fingerprint(OLD)) == LENGTH
    derived = [b"oncelink code ", b"oncelink checkpoint ", b"oncelink seal calendar ", b""]
    for begin in derived:
        for digest in (hashlib.sha256, hashlib.sha512):
            assert compute_fingerprint(OLD) not in digest(begin + OLD.encode()).hexdigest()


def test_a_key_is_noted_once_and_comes_back_when_it_makes_codes_again(recorded_keys: RecordedKeys) -> None:
    old = compute_fingerprint(OLD)
    assert recorded_keys.record_keys([old]) == [old]
    assert recorded_keys.record_keys([old]) == []
    recorded_keys.retire_key(old)
    [retired] = recorded_keys.list_keys()
    assert retired.retired_at is not None
    recorded_keys.retire_key(old)
    assert recorded_keys.list_keys() == [retired]
    assert recorded_keys.record_keys([old]) == [old]
    [active] = recorded_keys.list_keys()
    assert (active.retired_at, active.first_used_at) == (None, retired.first_used_at)


def test_nothing_depends_on_a_key_of_an_empty_log(recorded_keys: RecordedKeys) -> None:
    recorded_keys.record_keys([compute_fingerprint(OLD)])
    assert not recorded_keys.has_codes()
    assert recorded_keys.count_dependents(compute_fingerprint(OLD)) == Dependents(0, 0, 0)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM {schema}.secret_keys",
        "UPDATE {schema}.secret_keys SET fingerprint = '0123456789abcdef'",
        "UPDATE {schema}.secret_keys SET first_used_at = now()",
        "INSERT INTO {schema}.secret_keys (fingerprint, first_used_at) VALUES ('0123456789abcdef', now())",
    ],
)
def test_the_service_cannot_forget_or_change_one(recorded_keys: RecordedKeys, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        recorded_keys.connection.execute(recorded_keys.compose_query(statement))
