"""The context of commands that the system runs by itself."""

from datetime import datetime
from uuid import uuid4

from domain.event import Actor, Context


def build_system_context(now: datetime) -> Context:
    """Build the context of one command of a background worker."""
    return Context(now, Actor(kind="system"), uuid4().hex, "api")
