"""One organisation for tests of pages that do not disturb each other."""

from tests.api.conftest import shared_api, unchanged_log

__all__ = ["shared_api", "unchanged_log"]
