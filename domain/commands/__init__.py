"""The commands: application classes with one method per command, each one transaction."""
