"""What the tests of read models share: live tables on a schema of their own, and a history to tell."""

import pytest

from store.database import Database
from tests.projections.story import Story


@pytest.fixture(scope="session")
def owner_url(superuser_url: str) -> str:
    """How somebody who may change the log reaches it."""
    return superuser_url


@pytest.fixture
def story(database: Database, owner_url: str) -> Story:
    """A history to tell event by event, through the domain's own events."""
    return Story(database, owner_url)
