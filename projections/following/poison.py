"""Isolates poison streams: a part of the log that cannot be folded is halved until single streams are left."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from psycopg import Connection, DataError, IntegrityError

POISON_ERRORS = (DataError, IntegrityError)  # what the data of a stream can cause in its fold, and nothing else can

Part = TypeVar("Part")
Item = TypeVar("Item")


def isolate_poison(
    connection: Connection[Any],
    part: Part,
    fold: Callable[[Part], object],
    halve: Callable[[Part], Sequence[Part]],
) -> Iterator[tuple[Part, Exception]]:
    """Folds a part of the log, and yields each single stream that cannot be folded, with its error.

    Each attempt is a transaction of its own, or a savepoint: what can be folded stays folded. `halve` returns the two
    halves of a part, and nothing for a single stream. Raises every error that is not in POISON_ERRORS.
    """
    try:
        with connection.transaction():
            fold(part)
        return
    except POISON_ERRORS as error:
        fold_error = error
    halves = halve(part)
    if not halves:
        yield part, fold_error
    for half in halves:
        yield from isolate_poison(connection, half, fold, halve)


def halve_list(items: Sequence[Item]) -> tuple[Sequence[Item], ...]:
    """Two halves of a list; nothing for a single item."""
    middle = len(items) // 2
    return (items[:middle], items[middle:]) if middle else ()
