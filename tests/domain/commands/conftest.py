"""Fixtures of the commands' tests: an organisation in memory."""

import pytest

from tests.domain.commands.organisation import Organisation, create_organisation


@pytest.fixture
def organisation() -> Organisation:
    """A new organisation over a log in memory."""
    return create_organisation()
