"""Poison is isolated by bisection: what cannot be folded is named, and the rest stays folded."""

from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.errors import CheckViolation, UndefinedTable

from projections.following.poison import halve_list, isolate_poison


@pytest.fixture
def connection(superuser_url: str) -> Iterator[Connection[Any]]:
    """A connection with a table that refuses two numbers."""
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        connection.execute("CREATE TEMP TABLE folded (number int CHECK (number NOT IN (3, 8)))")
        yield connection


def insert_numbers(connection: Connection[Any], numbers: Sequence[int]) -> None:
    """Insert all numbers in one statement."""
    connection.execute("INSERT INTO folded SELECT unnest(%s::int[])", (list(numbers),))


def list_numbers(connection: Connection[Any]) -> list[int]:
    """List what was inserted."""
    return [number for (number,) in connection.execute("SELECT number FROM folded ORDER BY number")]


def test_names_each_and_keeps_the_rest(connection: Connection[Any]) -> None:
    poison = isolate_poison(connection, range(10), lambda part: insert_numbers(connection, part), halve_list)
    assert [(list(part), type(error)) for part, error in poison] == [([3], CheckViolation), ([8], CheckViolation)]
    assert list_numbers(connection) == [0, 1, 2, 4, 5, 6, 7, 9]


def test_takes_one_attempt_without_poison(connection: Connection[Any]) -> None:
    attempts: list[Sequence[int]] = []

    def fold(part: Sequence[int]) -> None:
        attempts.append(part)
        insert_numbers(connection, part)

    assert list(isolate_poison(connection, [4, 5, 6], fold, halve_list)) == []
    assert attempts == [[4, 5, 6]]


def test_leaves_an_outer_transaction_usable(connection: Connection[Any]) -> None:
    with connection.transaction():
        assert (
            len(list(isolate_poison(connection, [3], lambda part: insert_numbers(connection, part), halve_list))) == 1
        )
        insert_numbers(connection, [1])
    assert list_numbers(connection) == [1]


def test_raises_what_no_stream_has_caused(connection: Connection[Any]) -> None:
    with pytest.raises(UndefinedTable):
        list(isolate_poison(connection, [1, 2], lambda part: connection.execute("SELECT FROM nowhere"), halve_list))
