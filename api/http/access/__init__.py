"""Entries of the access log, and the use of keys: what authentication itself records."""
