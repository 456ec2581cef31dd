"""Builds the services of a running Oncelink."""
