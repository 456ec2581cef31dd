"""What two edits of one thing differ in, so that whoever came second loses nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Difference:
    """A field, as it is saved now and as it was typed."""

    field: str
    theirs: Any
    mine: Any


def differences(saved: Mapping[str, Any], typed: Mapping[str, Any]) -> list[Difference]:
    """The fields whose saved values are others than those typed."""
    return [
        Difference(name, saved[name], mine)
        for name, mine in typed.items()
        if name in saved and comparable(saved[name]) != comparable(mine)
    ]


def comparable(value: Any) -> Any:
    """A value without what a form cannot tell apart: lists from tuples, nothing from an empty text."""
    if isinstance(value, Mapping):
        return {name: comparable(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [comparable(one) for one in value]
    return value or None if isinstance(value, str) else value
