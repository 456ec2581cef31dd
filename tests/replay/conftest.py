"""What the tests of replay share with those of read models: live tables, and a history to tell."""

from tests.api.conftest import shared_house
from tests.projections.conftest import owner_url, story

__all__ = ["owner_url", "shared_house", "story"]
