"""Scopes of API keys that people choose themselves: which operations each of them suffices for."""

import re
from collections.abc import Collection
from typing import Literal

Scope = Literal["read", "single-use", "bookings", "webhooks", "history", "scim", "all"]

ALL: Scope = "all"
EVERY_KEY = frozenset({("GET", "/v1/me"), ("DELETE", "/v1/api-keys/{id}")})  # of the latter only itself
BESIDE_SCOPES = re.compile(r"/v1/(api-keys|sessions)")  # a key makes and lists no keys, unless it may do everything
AUDITED = re.compile(r"/v1/(history|as-of|access-log)")
BEYOND_READ = re.compile(r"/v1/(history|as-of|access-log|webhooks)|/scim/")  # the address of a webhook can be a secret
# what a scope needs to see of the things that it works on
RULES: tuple[tuple[Scope, str, re.Pattern[str]], ...] = (
    ("scim", "any", re.compile(r"/scim/")),
    ("webhooks", "any", re.compile(r"/v1/webhooks")),
    ("history", "any", AUDITED),
    ("single-use", "GET", re.compile(r"/v1/(links|links/\{id\}|single-use|single-use/\{id\})$")),
    ("single-use", "POST", re.compile(r"/v1/(links/\{id\}/single-use|single-use/.*)$")),
    ("bookings", "GET", re.compile(r"/v1/(bookings/.*|meeting-log)$")),
    ("bookings", "POST", re.compile(r"/v1/bookings/.*$")),
)


def list_sufficient_scopes(method: str, path: str) -> frozenset[Scope]:
    """List the scopes each of which suffices for an operation, given by its method and the template of its path."""
    scopes: set[Scope] = {ALL}
    if not BESIDE_SCOPES.match(path):
        scopes |= {
            scope for scope, its_method, pattern in RULES if its_method in ("any", method) and pattern.match(path)
        }
        if method in ("GET", "HEAD") and not BEYOND_READ.match(path):
            scopes.add("read")
    return frozenset(scopes)


def is_within_scopes(scopes: Collection[str], method: str, path: str) -> bool:
    """Whether a key with these scopes may use an operation."""
    return (method, path) in EVERY_KEY or not list_sufficient_scopes(method, path).isdisjoint(scopes)
