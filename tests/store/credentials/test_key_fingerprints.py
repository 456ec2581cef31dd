"""Fingerprints of secret keys: they tell keys apart, give none away, and only an operator takes one out of force."""

import hashlib
from collections.abc import Iterator

import psycopg
import pytest

from store.credentials.key_fingerprints import LENGTH, Dependents, KnownKeys, fingerprint
from store.database import Database

OLD, NEW = "old " * 10, "new " * 10


@pytest.fixture
def known(database: Database) -> Iterator[KnownKeys]:
    """The keys of an empty log."""
    with database.connect() as connection:
        yield KnownKeys(connection, database.schema)


def test_a_fingerprint_is_short_and_none_of_what_else_is_derived_from_the_key() -> None:
    assert fingerprint(OLD) == fingerprint(OLD) != fingerprint(NEW)
    assert len(fingerprint(OLD)) == LENGTH
    derived = [b"oncelink code ", b"oncelink checkpoint ", b"oncelink seal calendar ", b""]
    for begin in derived:
        for digest in (hashlib.sha256, hashlib.sha512):
            assert fingerprint(OLD) not in digest(begin + OLD.encode()).hexdigest()


def test_a_key_is_noted_once_and_comes_back_when_it_makes_codes_again(known: KnownKeys) -> None:
    old = fingerprint(OLD)
    assert known.record([old]) == [old]
    assert known.record([old]) == []
    known.retire(old)
    [retired] = known.all()
    assert retired.retired_at is not None
    known.retire(old)
    assert known.all() == [retired]
    assert known.record([old]) == [old]
    [active] = known.all()
    assert (active.retired_at, active.first_used_at) == (None, retired.first_used_at)


def test_nothing_depends_on_a_key_of_an_empty_log(known: KnownKeys) -> None:
    known.record([fingerprint(OLD)])
    assert not known.has_codes()
    assert known.dependents(fingerprint(OLD)) == Dependents(0, 0, 0)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM {schema}.secret_keys",
        "UPDATE {schema}.secret_keys SET fingerprint = '0123456789abcdef'",
        "UPDATE {schema}.secret_keys SET first_used_at = now()",
        "INSERT INTO {schema}.secret_keys (fingerprint, first_used_at) VALUES ('0123456789abcdef', now())",
    ],
)
def test_the_service_cannot_forget_or_change_one(known: KnownKeys, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        known.connection.execute(known.text(statement))
