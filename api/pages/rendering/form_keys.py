"""Idempotency keys of forms: a form that is sent twice creates one thing, whatever the browser does."""

import secrets
from uuid import UUID

from api.http.dependencies import VISIBLE_ASCII
from domain.commands.idempotent_creation import IdempotentCreation
from domain.event import Context


def generate_form_key() -> str:
    """Return a random idempotency key for a form, with 192 random bits."""
    return secrets.token_urlsafe(24)


def parse_form_key(text: str) -> str | None:
    """Return the idempotency key that a form sent, or None if it is none."""
    return text if VISIBLE_ASCII.fullmatch(text) else None


def find_earlier_id(context: Context, key: str | None) -> UUID:
    """Return the id of what this key created before."""
    return IdempotentCreation(context, key, {}).id
