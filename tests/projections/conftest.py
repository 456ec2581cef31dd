"""Fixtures of the read models' tests: live tables on a schema of their own, and a builder of histories."""

import pytest

from store.database import Database
from tests.projections.story import LogBuilder


@pytest.fixture(scope="session")
def owner_url(superuser_url: str) -> str:
    """The URL of a role that may change the log."""
    return superuser_url


@pytest.fixture
def builder(database: Database, owner_url: str) -> LogBuilder:
    """A builder that appends the domain's own events."""
    return LogBuilder(database, owner_url)
