"""The canonical encoding of an event as a leaf of the tree, from its JSON, as `leaf_hash` in SQL makes it.

docs/proofs.md states it. Data is written as PostgreSQL's `jsonb::text` writes it: names ordered by their length in
bytes of UTF-8 and then by these bytes, `", "` and `": "` between things, characters as they are except for those that
JSON must escape.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from replay.tree.merkle import leaf_hash

FIELDS = ("position", "recorded_at", "stream_id", "version", "type", "data")
spelled = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(", ", ": ")).encode


class NotAnEvent(ValueError):
    """This is not one event as an export writes it."""


def hash_of(event: Mapping[str, Any]) -> bytes:
    """The leaf hash of an event as an export has it. Raises NotAnEvent."""
    try:
        position, recorded_at, stream_id, version, type_, data = map(event.__getitem__, FIELDS)
    except KeyError as error:
        raise NotAnEvent(f"{error} is missing") from None
    text = f"{position}\n{recorded_at}\n{stream_id}\n{version}\n{type_}\n{spelled(ordered(data))}"
    try:
        return leaf_hash(text.encode())
    except UnicodeEncodeError:
        raise NotAnEvent("a text has half of a surrogate pair") from None


def ordered(value: Any) -> Any:
    """JSON data with all names in jsonb's order. Raises NotAnEvent for a number with a fraction, which no event has."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return {name: ordered(value[name]) for name in in_order(tuple(value))}
    if isinstance(value, list):
        return [ordered(one) for one in value]
    if isinstance(value, float):
        raise NotAnEvent("a number has a fraction")
    return value


@lru_cache(maxsize=10_000)
def in_order(names: tuple[str, ...]) -> tuple[str, ...]:
    """Names as jsonb orders them; events have few sets of names, so the answer is remembered."""
    return tuple(sorted(names, key=rank))


def rank(name: str) -> tuple[int, bytes]:
    """What jsonb orders names by."""
    spelling = name.encode("utf-8", "surrogatepass")
    return len(spelling), spelling
