"""One furnished organisation for tests of pages that do not get in each other's way."""

from tests.api.conftest import shared_house, unmoved

__all__ = ["shared_house", "unmoved"]
