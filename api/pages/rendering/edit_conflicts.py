"""Differences between two edits of the same thing, shown to whoever saves second."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Difference:
    """A field with its saved value (`theirs`) and its submitted value (`mine`)."""

    field: str
    theirs: Any
    mine: Any


def find_differences(saved_values: Mapping[str, Any], form_values: Mapping[str, Any]) -> list[Difference]:
    """Return the fields whose saved value differs from the submitted one."""
    return [
        Difference(name, saved_values[name], mine)
        for name, mine in form_values.items()
        if name in saved_values and to_comparable(saved_values[name]) != to_comparable(mine)
    ]


def to_comparable(value: Any) -> Any:
    """Return a value without what a form cannot tell apart: lists for tuples, None for an empty text."""
    if isinstance(value, Mapping):
        return {name: to_comparable(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_comparable(item) for item in value]
    return value or None if isinstance(value, str) else value
