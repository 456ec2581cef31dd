"""The canonical encoding of an event as a leaf of the tree, from its JSON, as `leaf_hash` in SQL makes it.

docs/proofs.md states it. Data is written as PostgreSQL's `jsonb::text` writes it: names ordered by their length in
bytes of UTF-8 and then by these bytes, `", "` and `": "` between things, characters as they are except for those that
JSON must escape.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from replay.tree.merkle import hash_leaf

WITHHELD_FIELD = "busy_feed_url"  # of a person: whoever knows it reads their calendar, so no export has it
FIELDS = ("position", "recorded_at", "stream_id", "version", "type", "data")
encode_json = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(", ", ": ")).encode


class InvalidEvent(ValueError):
    """This is not an event in the format of an export."""


def hash_event(event: Mapping[str, Any]) -> bytes:
    """The leaf hash of an exported event. Raises InvalidEvent."""
    try:
        position, recorded_at, stream_id, version, type_, data = map(event.__getitem__, FIELDS)
    except KeyError as error:
        raise InvalidEvent(f"{error} is missing") from None
    text = f"{position}\n{recorded_at}\n{stream_id}\n{version}\n{type_}\n{encode_json(sort_names(data))}"
    try:
        return hash_leaf(text.encode())
    except UnicodeEncodeError:
        raise InvalidEvent("a text has half of a surrogate pair") from None


def sort_names(value: Any) -> Any:
    """JSON data with all names in jsonb's order. Raises InvalidEvent for a number with a fraction."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return {name: sort_names(value[name]) for name in order_names(tuple(value))}
    if isinstance(value, list):
        return [sort_names(item) for item in value]
    if isinstance(value, float):
        raise InvalidEvent("a number has a fraction")
    return value


@lru_cache(maxsize=10_000)
def order_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Names in jsonb's order. Cached, because events have few sets of names."""
    return tuple(sorted(names, key=make_sort_key))


def make_sort_key(name: str) -> tuple[int, bytes]:
    """The key by which jsonb orders names."""
    encoded_name = name.encode("utf-8", "surrogatepass")
    return len(encoded_name), encoded_name
