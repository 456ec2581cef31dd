"""Fixtures of the commands' tests: an organisation in memory."""

import pytest

from tests.domain.commands.command_driver import CommandDriver, create_command_driver


@pytest.fixture
def driver() -> CommandDriver:
    """A driver of all commands over a new log in memory."""
    return create_command_driver()
